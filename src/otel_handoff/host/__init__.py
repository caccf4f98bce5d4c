"""How one gets hold of a host: wrapping its functions, reading and copying its objects, and doing neither harm."""
