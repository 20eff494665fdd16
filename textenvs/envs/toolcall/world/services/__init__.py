"""The services, one small file of data for each."""

from __future__ import annotations

from collections.abc import Mapping

from textenvs.envs.toolcall.world.services.bookings import BOOKING
from textenvs.envs.toolcall.world.services.contacts import CONTACT
from textenvs.envs.toolcall.world.services.currency import RATE
from textenvs.envs.toolcall.world.services.events import EVENT
from textenvs.envs.toolcall.world.services.files import FILE
from textenvs.envs.toolcall.world.services.messages import MESSAGE
from textenvs.envs.toolcall.world.services.orders import ORDER
from textenvs.envs.toolcall.world.services.parcels import PARCEL
from textenvs.envs.toolcall.world.services.transfers import TRANSFER
from textenvs.envs.toolcall.world.services.weather import FORECAST
from textenvs.envs.toolcall.world.spec import Service

SERVICES: Mapping[str, Service] = {
    one.name: one for one in (CONTACT, ORDER, PARCEL, EVENT, FILE, MESSAGE, TRANSFER, BOOKING, FORECAST, RATE)
}
"""By name."""
