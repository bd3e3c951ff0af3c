"""What runs beside a machine: keeps each frame until the site says that it is stored.

Needs Python, paho-mqtt and orjson, not Django and not a database server.
"""
