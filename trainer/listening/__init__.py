"""Listening tests: sheets for people, the page they rate on, and what their ratings say.

Q-MOS and CMOS are those of FlexiVoice A.9, the role-play MOS that of MCLP 6.1.
"""
