"""Checks Dockerfiles for what makes images unsafe, large or not repeatable.

    python scripts/lint_docker.py [FILE...]     without files: every Dockerfile of the repository

The codes are those of hadolint where it has the rule; AG ones are our own. The build context of a
file is its folder, unless a comment `# Build context: PATH` names another one, relative to it.
"""

import argparse
import re
import sys
from pathlib import Path
from typing import NamedTuple

from dockerfile_parser import KEYWORDS, parse, stages

REPOSITORY = Path(__file__).resolve().parent.parent
SKIPPED_FOLDERS = {".git", ".venv", "build", "node_modules"}


class Finding(NamedTuple):
    line: int
    code: str
    text: str


def check_from(all_stages):
    names = set()
    for stage in all_stages:
        image, local = stage.image, stage.image in names or stage.image == "scratch"
        names.add(stage.name)
        if local or "@sha256:" in image:
            continue
        _, colon, tag = image.rsplit("/", 1)[-1].partition(":")
        if not image:
            yield Finding(stage.line, "DL3006", "FROM an ARG without default; give it a default")
        elif not colon or not tag:
            yield Finding(stage.line, "DL3006", f"{image} has no tag; pin a version")
        elif tag == "latest":
            yield Finding(stage.line, "DL3007", f"{image} moves; pin a version instead of latest")


def shell_commands(text):
    """The single commands of a RUN line, each as a list of words."""
    return [part.split() for part in re.split(r"&&|\|\||[;|()]", text) if part.strip()]


def check_run(instruction):
    line, text = instruction.line, " ".join(instruction.words)
    commands = shell_commands(text)
    programs = {word for command in commands for word in command}
    if "sudo" in programs:
        yield Finding(line, "DL3004", "sudo in RUN; use USER root and back")
    if any(command[0] == "cd" for command in commands):
        yield Finding(line, "DL3003", "cd in RUN; use WORKDIR, or absolute paths")
    if any(command[0] == "apt" for command in commands):
        yield Finding(line, "DL3027", "apt is for people; use apt-get")
    yield from check_apt(line, text, commands)
    for command in commands:
        if "pip" in " ".join(command[:3]) and "install" in command:
            yield from check_pip(line, command)


def check_apt(line, text, commands):
    installs = [c for c in commands if "apt-get" in c and "install" in c]
    for command in installs:
        if "--no-install-recommends" not in command:
            yield Finding(line, "DL3015", "apt-get install without --no-install-recommends")
        if not {"-y", "-qy", "-yq", "--yes", "--assume-yes"} & set(command):
            yield Finding(line, "DL3014", "apt-get install asks a question; add -y")
    updates = any("apt-get" in c and "update" in c for c in commands)
    if installs and not updates:
        yield Finding(line, "AG0001", "apt-get install without update in the same RUN: stale lists")
    if updates and not re.search(r"rm -\w*r\w* [^&|;]*/var/lib/apt/lists", text):
        yield Finding(line, "DL3009", "apt lists stay in the image; rm -rf /var/lib/apt/lists/*")


def check_pip(line, command):
    if "--no-cache-dir" not in command:
        yield Finding(line, "DL3042", "pip install leaves its cache; add --no-cache-dir")
    words = command[command.index("install") + 1 :]
    takes_value = {"-r", "--requirement", "-c", "--constraint", "-i", "--index-url", "-t"}
    for before, word in zip(["", *words], words):
        is_package = not word.startswith(("-", ".", "/", "$")) and before not in takes_value
        if is_package and "==" not in word and "@" not in word:
            yield Finding(
                line, "DL3013", f"pip install {word} is not pinned; write {word}==VERSION"
            )


def check_copy(instruction, context, earlier, has_workdir):
    line, words, origin = instruction.line, instruction.words, instruction.flags.get("from")
    if len(words) < 2:
        yield Finding(line, "AG0002", f"{instruction.keyword} needs a source and a destination")
        return
    sources, destination = words[:-1], words[-1]
    is_url = [re.match(r"(https?|ftp|git)[:@]", source) for source in sources]
    if instruction.keyword == "ADD" and not any(is_url):
        yield Finding(line, "DL3020", "ADD of local files; use COPY")
    if len(sources) > 1 and not destination.endswith("/"):
        yield Finding(line, "DL3021", "COPY of several sources: the destination must end in /")
    if not destination.startswith(("/", "$")) and not has_workdir:
        yield Finding(line, "DL3045", f"COPY to relative {destination} without WORKDIR before it")
    if origin is not None:
        is_image = ":" in origin or "@" in origin
        if origin not in earlier and not origin.isdigit() and not is_image:
            yield Finding(line, "DL3022", f"COPY --from={origin}: no stage before has that name")
        return
    for source, url in zip(sources, is_url):
        if not url and "$" not in source:
            yield from check_source(line, source, context)


def check_source(line, source, context):
    relative = source.lstrip("/") or "."
    if ".." in Path(relative).parts:
        yield Finding(line, "AG0003", f"{source} lies outside of the build context")
    elif not (context / relative).exists() and not any(context.glob(relative)):
        yield Finding(line, "AG0004", f"{source} is not in the build context {context.name}/")


def check_stage(stage, context, earlier, base_has_workdir):
    has_workdir, commands = base_has_workdir, {"CMD": 0, "ENTRYPOINT": 0, "HEALTHCHECK": 0}
    for instruction in stage.instructions:
        keyword, line, text = instruction.keyword, instruction.line, instruction.text
        if keyword == "RUN":
            yield from check_run(instruction)
        elif keyword in ("COPY", "ADD"):
            yield from check_copy(instruction, context, earlier, has_workdir)
        elif keyword == "WORKDIR":
            has_workdir = True
            if not text.strip('"').startswith(("/", "$")):
                yield Finding(line, "DL3000", f"WORKDIR {text}: use an absolute path")
        elif keyword == "EXPOSE":
            for port in re.findall(r"(?<!\$)\b\d+", text):
                if not 0 < int(port) <= 65535:
                    yield Finding(line, "DL3011", f"EXPOSE {port}: a port is 1 to 65535")
        elif keyword == "MAINTAINER":
            yield Finding(line, "DL4000", "MAINTAINER is deprecated; use LABEL")
        if keyword in commands:
            commands[keyword] += 1
            yield from check_command(instruction, commands[keyword])


def check_command(instruction, count):
    keyword, line = instruction.keyword, instruction.line
    if count > 1:
        yield Finding(line, "DL4003", f"only the last {keyword} of a stage counts; keep one")
    is_shell_form = instruction.json_form is None
    if keyword == "HEALTHCHECK":
        body = instruction.text
        is_shell_form = body != "NONE" and not body.partition("CMD")[2].strip().startswith("[")
    if is_shell_form:
        why = (
            "a shell in between swallows SIGTERM" if keyword != "HEALTHCHECK" else "no shell needed"
        )
        yield Finding(line, "DL3025", f'{keyword} in shell form, {why}; write ["program", "arg"]')


def check_pipes(stage):
    has_pipefail = False
    for instruction in stage.instructions:
        if instruction.keyword == "SHELL":
            has_pipefail = "pipefail" in instruction.text
        is_run = instruction.keyword == "RUN"
        if is_run and re.search(r"[^|]\|[^|]", instruction.text) and not has_pipefail:
            yield Finding(instruction.line, "DL4006", "pipe in RUN without SHELL -o pipefail")


def check_user(stage):
    users = [i for i in stage.instructions if i.keyword == "USER"]
    if users and users[-1].text.split(":")[0] in ("root", "0"):
        yield Finding(users[-1].line, "DL3002", "the last USER is root; go back to another user")


def context_of(path, text):
    named = re.search(r"^# Build context: (\S+)\s*$", text, re.MULTILINE)
    return (path.parent / (named[1] if named else ".")).resolve()


def lint(path):
    """Findings of one Dockerfile, in the order of its lines."""
    text = path.read_text(encoding="utf-8")
    context, instructions = context_of(path, text), parse(text)
    findings = [
        Finding(i.line, "AG0005", f"unknown instruction {i.keyword}")
        for i in instructions
        if i.keyword not in KEYWORDS
    ]
    if not context.is_dir():
        findings.append(Finding(1, "AG0006", "the folder named by `# Build context:` is missing"))
    all_stages = stages(instructions)
    if not all_stages:
        return sorted([*findings, Finding(1, "AG0007", "no FROM; nothing is built")])
    findings += check_from(all_stages)
    earlier = set()
    for stage in all_stages:
        # Our own base image sets WORKDIR; a stage on top of it inherits that.
        inherits = stage.image in earlier or stage.image.startswith("aiges-gpu:")
        findings += check_stage(stage, context, earlier, inherits)
        findings += check_pipes(stage)
        earlier.add(stage.name)
    findings += check_user(all_stages[-1])
    return sorted(findings)


def dockerfiles(folder):
    """Every Dockerfile and Dockerfile.NAME below the folder."""
    found = [*folder.rglob("Dockerfile"), *folder.rglob("Dockerfile.*")]
    return sorted(
        path
        for path in found
        if path.suffix != ".dockerignore"
        and not SKIPPED_FOLDERS & set(path.relative_to(folder).parts)
    )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="*", type=Path, help="Dockerfiles; default: all")
    files = parser.parse_args().files or dockerfiles(REPOSITORY)
    count = 0
    for path in files:
        try:
            findings = lint(path)
        except (OSError, UnicodeDecodeError) as error:
            findings = [Finding(0, "AG0008", f"cannot be read: {error}")]
        for finding in findings:
            print(f"{path}:{finding.line}: {finding.code} {finding.text}")
        count += len(findings)
    print(f"{len(files)} Dockerfiles, {count} findings")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
