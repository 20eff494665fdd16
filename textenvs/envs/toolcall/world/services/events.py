"""Calendar events."""

from __future__ import annotations

from textenvs.envs.toolcall.world.kinds import DAY, MINUTES, TITLE, Choice, Ref, both
from textenvs.envs.toolcall.world.spec import Field, Service

ROOM = Choice(
    {"red": both("红厅", "the red hall"), "blue": both("蓝厅", "the blue hall"), "online": both("线上", "online")},
    both("月球厅", "the moon hall"),
)

EVENT = Service(
    name="event",
    noun=both("日程", "event"),
    letter="E",
    fields=(
        Field("title", both("标题", "title"), TITLE, both("标题是{v}", "title {v}")),
        Field("day", both("日期", "date"), DAY, both("日期{v}", "date {v}")),
        Field("duration", both("时长", "duration"), MINUTES, both("时长{v}", "duration {v}"), default=60),
        Field("room", both("地点", "room"), ROOM, both("地点{v}", "room {v}")),
        Field("guest_id", both("嘉宾", "guest"), Ref("contact"), default=""),
    ),
    verbs=("find", "look", "match", "add", "change", "drop"),
    title="title",
    stated=("title", "day", "room", "duration"),
    changeable=("day", "room"),
    listed_by=("room",),
    acts={"add": both("建一个{noun}", "create one {noun}"), "drop": both("删除", "delete")},
    editions={"work": both("工作", "work"), "family": both("家庭", "family"), "club": both("社团", "club")},
)
