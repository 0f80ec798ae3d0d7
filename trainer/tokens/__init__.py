"""Speech and text as one sequence of tokens: the layouts of the two papers, and their grammars."""
