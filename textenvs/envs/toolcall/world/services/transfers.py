"""Transfers of money to contacts."""

from __future__ import annotations

from textenvs.envs.toolcall.world.kinds import MONEY, TEXT, Ref, both
from textenvs.envs.toolcall.world.spec import Field, Service

TRANSFER = Service(
    name="transfer",
    noun=both("转账", "transfer"),
    letter="T",
    fields=(
        Field("payee_id", both("收款人", "payee"), Ref("contact"), both("收款人{v}", "payee {v}")),
        Field("amount", both("金额", "amount"), MONEY, both("金额{v}", "amount {v}")),
        Field("memo", both("附言", "memo"), TEXT, both("附言{v}", "memo {v}"), default=""),
    ),
    verbs=("look", "add", "drop"),
    stated=("payee_id", "amount", "memo"),
    acts={"add": both("办一笔{noun}", "make one {noun}"), "drop": both("撤销", "revoke")},
    editions={"business": both("对公", "business"), "personal": both("个人", "personal"), "fund": both("基金", "fund")},
)
