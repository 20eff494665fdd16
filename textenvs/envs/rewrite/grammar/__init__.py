"""The grammar of the generated world: meanings first, wording second.

frames                       intents, clauses: what a user can ask, the same in every language
lexicon, entities            name parts, and the things of a dialogue that are named with them
templates, language          the little language of wordings, and what tables a language has
chinese, english, surface    the tables, and both languages compiled
discourse                    who was mentioned when, and which antecedent a reference has
reduction                    what an utterance leaves out, and how it then reads
menu                         the templates and operator combinations of one split
recognizer                   from words back to meanings: exact forms, nearest forms, spotted slots
"""
