"""`wann tasks` and `wann zoo`: what there is, without starting JAX."""

from wann_jax import zoo
from wann_jax.errors import require
from wann_jax.tasks.registry import registered


def run_tasks(args: list[str]) -> int:
    """`wann tasks`; the exit status."""
    if not prints_help("tasks", "List the tasks, those of plugins too.", args):
        specs = [spec for spec in registered() if spec.is_listed]
        width = max(len(spec.name) for spec in specs)
        for spec in specs:
            print(f"{spec.name:{width}}  {spec.summary}")
    return 0


def run_zoo(args: list[str]) -> int:
    """`wann zoo`; the exit status."""
    if not prints_help("zoo", "List the networks that come with the package.", args):
        for name in zoo.names():
            card = zoo.card(name)
            print(
                f"{name:12}  task {card['task']}, {card['num_live_connections']} live connections of "
                f"{card['num_connections']}; {card['summary']}"
            )
    return 0


def prints_help(command: str, text: str, args: list[str]) -> bool:
    """Prints the help of a command without options, and tells so, if that is wanted. Raises ConfigError for others."""
    wanted = args in (["-h"], ["--help"])
    require(wanted or not args, "arguments", f"left out after wann {command}", args)
    if wanted:
        print(f"usage: wann {command}\n\n{text}")
    return wanted
