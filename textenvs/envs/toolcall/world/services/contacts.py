"""Contacts: people, where they live, and who they report to."""

from __future__ import annotations

from textenvs.envs.toolcall.world.kinds import CITY, PERSON, PHONE, Ref, both
from textenvs.envs.toolcall.world.spec import Field, Service

CONTACT = Service(
    name="contact",
    noun=both("联系人", "contact"),
    letter="C",
    fields=(
        Field("name", both("姓名", "name"), PERSON),
        Field("phone", both("电话", "phone number"), PHONE),
        Field("city", both("所在城市", "home city"), CITY),
        Field("manager_id", both("上级", "manager"), Ref("contact")),
    ),
    verbs=("find", "look", "change"),
    title="name",
    changeable=("phone", "city"),
)
