"""The grammar of the generated world: meanings first, wording second.

lexicon -> entities       names, and how they are cut into splits
frames                    intents, clauses: what a user can ask, the same in every language
templates                 the little language in which wordings are written
chinese, english          the wordings: cores, references, shells, replies, reactions
surface                   one view of both languages, compiled
discourse                 who was mentioned when, and which antecedent a reference has
reduction                 the operators that leave things out, and what they left out
recognizer                from words back to meanings: exact forms, nearest forms, spotted slots
"""
