# SPDX-License-Identifier: GPL-2.0-or-later
"""What the documentation tells people to type: code blocks, the commands in them, and the class of each.

A code block is what Markdown indents or fences. Its language counts: a block of C is no command, and one of "text" is what a
command answers. The table "commands" beside this file says of every other block's lines what they are, and of each answer how it
is known to be right; a line that no row is for is an error of who wrote it.
"""
import fnmatch
import glob
import os
import re
import shlex
from collections import namedtuple

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
TABLE = os.path.join(TOP, "tests", "docs", "commands")
SHELL = (None, "sh", "shell", "bash", "console")
ANSWER = "text"
PROGRAM = "qemu-system-aarch64-smmuv3-accel"        # what the package installs: the QEMU that pages start

Block = namedtuple("Block", "file line language text")
Command = namedtuple("Command", "file line text")
Row = namedtuple("Row", "file pattern kind note number")

CLASSES = ("text", "make", "script", "here", "install", "options", "monitor", "qmp", "box", "printed", "elsewhere")


def files():
    """Names of all pages, below the top of the tree"""
    pages = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/*.md"]
    return sorted(os.path.relpath(f, TOP) for p in pages for f in glob.glob(os.path.join(TOP, p)))


def read(name):
    with open(os.path.join(TOP, name), encoding="utf-8") as f:
        return f.read()


# ---- Blocks ---------------------------------------------------------------------------------------------------------

def indent(line):
    return len(line) - len(line.lstrip(" "))


def body(lines, at):
    """The indented lines from at on, without their indentation: (text, index behind them)"""
    end = at
    while end < len(lines) and (not lines[end].strip() or indent(lines[end]) > 3):
        end += 1
    taken = lines[at:end]
    margin = min((indent(line) for line in taken if line.strip()), default=0)
    return "\n".join(line[margin:] for line in taken).strip("\n"), end


def blocks(name):
    lines, at = read(name).splitlines(), 0
    while at < len(lines):
        fence = re.match(r"( *)```(\w*)", lines[at])
        if fence:
            end = next((i for i in range(at + 1, len(lines)) if lines[i].strip() == "```"), len(lines))
            yield Block(name, at + 2, fence[2] or None, "\n".join(line[len(fence[1]):] for line in lines[at + 1:end]))
            at = end + 1
        elif lines[at].startswith("    ") and (at == 0 or not lines[at - 1].strip()):
            text, end = body(lines, at)
            yield Block(name, at + 1, None, text)
            at = end
        else:
            at += 1


# ---- Commands -------------------------------------------------------------------------------------------------------

def without_comment(line):
    """Pages write the explanation behind two spaces, or behind a #"""
    return re.split(r"\s{2,}|\s#\s", line.strip())[0]


def commands_of(block):
    """The block's lines, continued ones joined"""
    number, whole = block.line, ""
    for i, line in enumerate(block.text.splitlines()):
        if not whole:
            number = block.line + i
        whole += line.strip() if whole else line
        if whole.endswith("\\"):
            whole = whole[:-1]
            continue
        text = without_comment(whole)
        if text and not text.startswith("#") and text != "...":
            yield Command(block.file, number, text)
        whole = ""


def commands(name):
    return [c for b in blocks(name) if b.language in SHELL for c in commands_of(b)]


def rows():
    """The table: CLASS  FILE  PATTERN  NOTE, two blanks between them (a command has no two)"""
    with open(TABLE, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            if line.strip() and not line.startswith("#"):
                kind, file, pattern, note = (re.split(r"\s{2,}", line.strip(), maxsplit=3) + ["", "", ""])[:4]
                yield Row(file, pattern, kind, note, number)


def answers(name):
    """(block, row or None) for each block of what a command answers; the row is for its first line"""
    table = list(rows())
    for block in blocks(name):
        if block.language == ANSWER:
            yield block, row_of(Command(name, block.line, block.text.splitlines()[0]), table)


def row_of(command, table):
    """The first row that fits, or None"""
    for row in table:
        if fnmatch.fnmatchcase(command.file, row.file) and fnmatch.fnmatchcase(command.text, row.pattern):
            return row
    return None


def classified(name):
    """(command, row or None) for each command of a page; a block of text is one command, its first line"""
    table = list(rows())
    for block in blocks(name):
        if block.language not in SHELL:
            continue
        for command in commands_of(block):
            row = row_of(command, table)
            yield command, row
            if row and row.kind == "text":
                break


def starts_guest(command):
    """Is it a command line of QEMU's that starts a machine?"""
    return command.text.startswith("qemu-system-") and " -M " in command.text


def of_case(name, case):
    """What a case of the box runs: (shell lines before QEMU, the words of QEMU's command line, shell lines after)"""
    before, words, after = [], [], []
    for command, row in classified(name):
        if not row or row.kind != "box" or case not in row.note.split():
            continue
        if not starts_guest(command):
            (after if words else before).append(command.text)
        elif words:
            raise ValueError(f"{name} has two QEMU command lines for the case {case}")
        else:
            words = shlex.split(command.text)[1:]
    return before, words, after


# ---- Samples --------------------------------------------------------------------------------------------------------

def sample(name, first):
    """The lines behind the first one of the answer that begins so"""
    found = [b.text.splitlines() for b in blocks(name) if b.language == ANSWER and b.text.startswith(first)]
    if len(found) != 1:
        raise ValueError(f"{name} has {len(found)} answers that begin with {first}")
    return found[0][1:]


def shape(line):
    """Without numbers that differ from run to run; those that the guest is promised do not"""
    line = line.rstrip()
    return line if re.search(r"IDR0|stage 1,|properties", line) else re.sub(r"0x[0-9a-f]+|\d+", "N", line)


def unlike_sample(name, printed):
    """"like", or the first line of what "info smmuv3-accel" printed that is not as in the page's sample"""
    wanted, have = sample(name, "(qemu) info smmuv3-accel"), printed.rstrip().splitlines()
    for i in range(max(len(wanted), len(have))):
        pair = [lines[i] if i < len(lines) else "(nothing)" for lines in (have, wanted)]
        if shape(pair[0]) != shape(pair[1]):
            return f"{pair[0]!r}, where {name} has {pair[1]!r}"
    return "like"
