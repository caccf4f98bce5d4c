"""What `celery -A shop_worker worker` is given."""

import shop_on  # noqa: F401
from shop import app

__all__ = ["app"]
