"""The command ``netemu``: one module per subcommand, imported when its name is typed."""
