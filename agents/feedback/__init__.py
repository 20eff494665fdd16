"""What users do with answers: events, their store and collector, and what is learned from them. Imports no torch."""
