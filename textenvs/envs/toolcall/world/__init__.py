"""The generated world of tools: services over a database, tasks with a gold program that was executed.

kinds, lexicon             values: how they are drawn, said by users, and written for tools
spec, services             what a service is, as data; one small file for each
database, operations       the state of an episode, and the mechanisms that all tools share
cards                      how operations are offered: names, descriptions, schemas
dials                      how difficult tasks are
draft, plans, phrases      an episode being drawn: requests, the words for them, the calls they need
calling, dialogues         kinds of tasks: one message of the user, several messages
silent, rules, trouble     kinds of tasks: nothing to call, something forbidden, tools that fail
world                      draws whole episodes
bench                      runs an episode's tools
"""
