"""Parcels that are sent for orders."""

from __future__ import annotations

from textenvs.envs.toolcall.world.kinds import CITY, DAY, WEIGHT, Choice, Ref, both
from textenvs.envs.toolcall.world.spec import Field, Service

SPEED = Choice(
    {"standard": both("普通", "standard"), "express": both("加急", "express"), "night": both("夜间", "overnight")},
    both("光速", "faster than light"),
)

PARCEL = Service(
    name="parcel",
    noun=both("包裹", "parcel"),
    letter="P",
    fields=(
        Field("destination", both("目的地", "destination"), CITY, both("寄到{v}", "destination {v}")),
        Field("weight", both("重量", "weight"), WEIGHT, both("重量{v}", "weight {v}")),
        Field("speed", both("时效", "speed"), SPEED, both("时效{v}", "speed {v}"), default="standard"),
        Field("arrival", both("到达日期", "arrival date"), DAY, default=""),
        Field("order_id", both("所属订单", "order"), Ref("order"), both("给{v}", "for {v}")),
    ),
    verbs=("look", "match", "add", "change", "drop"),
    stated=("destination", "weight", "order_id", "speed"),
    changeable=("destination", "speed"),
    listed_by=("speed",),
    acts={"add": both("寄一个{noun}", "ship a {noun}"), "drop": both("撤回", "recall")},
    editions={
        "domestic": both("国内", "domestic"),
        "overseas": both("国际", "overseas"),
        "local": both("同城", "local"),
    },
)
