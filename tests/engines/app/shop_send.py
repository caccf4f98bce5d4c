"""Hands over: `python shop_send.py by_group 100`."""

import sys

import shop_on  # noqa: F401
import shop

getattr(shop, sys.argv[1])(int(sys.argv[2]))
