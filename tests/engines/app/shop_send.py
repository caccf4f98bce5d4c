"""Hands over: `python shop_send.py 100 by_group by_delay`."""

import sys

import shop
import shop_on  # noqa: F401

for shape in sys.argv[2:]:
    getattr(shop, shape)(int(sys.argv[1]))
