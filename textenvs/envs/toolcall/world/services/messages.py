"""Messages to contacts."""

from __future__ import annotations

from textenvs.envs.toolcall.world.kinds import FLAG, TEXT, Ref, both
from textenvs.envs.toolcall.world.spec import Field, Service

MESSAGE = Service(
    name="message",
    noun=both("消息", "message"),
    letter="M",
    fields=(
        Field("recipient_id", both("收件人", "recipient"), Ref("contact"), both("发给{v}", "to {v}")),
        Field("text", both("内容", "text"), TEXT, both("内容是{v}", "text {v}")),
        Field("urgent", both("加急标记", "urgent flag"), FLAG, both("标为紧急", "marked urgent"), default=False),
    ),
    verbs=("look", "add", "drop"),
    stated=("recipient_id", "text", "urgent"),
    acts={"add": both("发一条{noun}", "send one {noun}"), "drop": both("撤回", "withdraw")},
    editions={"chat": both("聊天", "chat"), "mail": both("邮件", "mail"), "sms": both("短信", "text")},
)
