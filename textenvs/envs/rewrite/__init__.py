"""MultiTurnRewrite: rewriting the user's last utterance so that it stands alone."""
