"""`agent doctor`: goes round everything that an agent needs, and says in plain words what is wrong and how to mend it.

`visit` is the round; `model` what it finds; each other file looks at one part. Nothing here runs in a running agent.
"""
