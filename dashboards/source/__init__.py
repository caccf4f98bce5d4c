"""The Grafana dashboards, written in Python. The JSON beside this folder is made from them, and is not edited by hand.

pip install -e '.[test]'
python -m dashboards.source --write
"""
