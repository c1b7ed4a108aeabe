"""The sample platforms `rich` and `poor`: made so that every feature of the contract has one that has it and one not.

`rich` behaves like a hosted platform with expiring tokens, `poor` like one that tells and does little. The third,
`demo` (core/platform/sample.py), stands between them. The demo and the tests use them; `serve` never registers them.
"""
