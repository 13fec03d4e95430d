"""One module per subcommand of `vigil`: `add_parser(subparsers)` and `run(args) -> exit code`."""
