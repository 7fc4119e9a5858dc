"""What is shown of an analysis: the result object, selections, text, JSON, HTML, and captures with comments.

Nothing here is compiled and nothing here judges a packet: it tells people and programs what the tables say.
"""
