"""Sample platforms beside `core.platform.sample`, and parts of it: what only some platforms have.

`rich` has nearly everything, `poor` nearly nothing: with them every feature of the contract has a platform that has it
and one that lacks it. The demo and the tests use them; `serve` registers none.
"""
