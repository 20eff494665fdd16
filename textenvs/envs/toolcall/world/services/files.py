"""Files in folders, with notes that anybody may have written."""

from __future__ import annotations

from textenvs.envs.toolcall.world.kinds import FILE as FILE_NAME
from textenvs.envs.toolcall.world.kinds import TEXT, Amount, Choice, Ref, both
from textenvs.envs.toolcall.world.spec import Field, Service

FOLDER = Choice(
    {"inbox": both("收件夹", "inbox"), "archive": both("归档", "archive"), "drafts": both("草稿", "drafts")},
    both("黑洞", "black hole"),
)
SIZE = Amount(10, 990, 10, {"zh": ((1, " KB"),), "en": ((1, " KB"),)}, both("KB", "KB"))

FILE = Service(
    name="file",
    noun=both("文件", "file"),
    letter="F",
    fields=(
        Field("name", both("文件名", "name"), FILE_NAME),
        Field("folder", both("文件夹", "folder"), FOLDER),
        Field("size", both("大小", "size"), SIZE),
        Field("note", both("备注", "note"), TEXT),
        Field("owner_id", both("所有者", "owner"), Ref("contact")),
    ),
    verbs=("find", "look", "match", "browse", "change", "drop"),
    title="name",
    changeable=("folder",),
    listed_by=("folder",),
    acts={"drop": both("删除", "delete")},
    editions={"shared": both("共享", "shared"), "private": both("私人", "private"), "backup": both("备份", "backup")},
)
