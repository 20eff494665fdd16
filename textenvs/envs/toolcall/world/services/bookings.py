"""Hotel bookings."""

from __future__ import annotations

from textenvs.envs.toolcall.world.kinds import CITY, COUNT, DAY, MONEY, Choice, both
from textenvs.envs.toolcall.world.spec import Field, Service

BED = Choice(
    {"single": both("单人间", "single"), "double": both("双人间", "double"), "suite": both("套房", "suite")},
    both("帐篷间", "tent"),
)

BOOKING = Service(
    name="booking",
    noun=both("预订", "booking"),
    letter="B",
    fields=(
        Field("city", both("城市", "city"), CITY, both("城市{v}", "city {v}")),
        Field("check_in", both("入住日期", "check-in date"), DAY, both("入住日期{v}", "check-in date {v}")),
        Field("nights", both("晚数", "number of nights"), COUNT, both("晚数{v}", "number of nights {v}"), default=1),
        Field("bed", both("房型", "room type"), BED, both("房型{v}", "room type {v}")),
        Field("price", both("价格", "price"), MONEY, default=0),
    ),
    verbs=("look", "match", "browse", "add", "change", "drop"),
    title="city",
    stated=("city", "check_in", "bed", "nights"),
    changeable=("check_in", "nights", "bed"),
    listed_by=("bed",),
    acts={"add": both("做一个{noun}", "make one {noun}"), "drop": both("取消", "cancel")},
    editions={"hotel": both("酒店", "hotel"), "hostel": both("青旅", "hostel"), "villa": both("别墅", "villa")},
)
