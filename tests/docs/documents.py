# SPDX-License-Identifier: GPL-2.0-or-later
"""What the documentation tells people to type: code blocks, the commands in them, and the class of each.

A code block is what Markdown indents or fences, and what RST has behind "::" or "code-block". Its language counts: a
block of C is no command. The table "commands" beside this file says of every other block's lines what they are; a line
that no row is for is an error of who wrote it.
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

Block = namedtuple("Block", "file line language text")
Command = namedtuple("Command", "file line text")
Row = namedtuple("Row", "file pattern kind note number")

CLASSES = ("text", "make", "script", "here", "install", "options", "monitor", "qmp", "box", "elsewhere")


def files():
    """Names of all pages, below the top of the tree"""
    pages = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/*.md", "docs/*.rst"]
    return sorted(os.path.relpath(f, TOP) for p in pages for f in glob.glob(os.path.join(TOP, p)))


def read(name):
    with open(os.path.join(TOP, name), encoding="utf-8") as f:
        return f.read()


# ---- Blocks ---------------------------------------------------------------------------------------------------------

def indent(line):
    return len(line) - len(line.lstrip(" "))


def margin_of(line):
    """Where the text of a paragraph stands that may be the first of a list's item"""
    return len(re.match(r" *(?:\d+\. +|[-*] +)?", line)[0])


def body(lines, at, deeper_than):
    """The indented lines from at on, without their indentation: (text, index behind them)"""
    end = at
    while end < len(lines) and (not lines[end].strip() or indent(lines[end]) > deeper_than):
        end += 1
    taken = lines[at:end]
    margin = min((indent(line) for line in taken if line.strip()), default=0)
    return "\n".join(line[margin:] for line in taken).strip("\n"), end


def markdown_blocks(name):
    lines, at = read(name).splitlines(), 0
    while at < len(lines):
        fence = re.match(r"( *)```(\w*)", lines[at])
        if fence:
            end = next((i for i in range(at + 1, len(lines)) if lines[i].strip() == "```"), len(lines))
            yield Block(name, at + 2, fence[2] or None, "\n".join(line[len(fence[1]):] for line in lines[at + 1:end]))
            at = end + 1
        elif lines[at].startswith("    ") and (at == 0 or not lines[at - 1].strip()):
            text, end = body(lines, at, 3)
            yield Block(name, at + 1, None, text)
            at = end
        else:
            at += 1


def rst_blocks(name):
    lines, at = read(name).splitlines(), 0
    while at < len(lines):
        directive = re.match(r" *\.\. code-block::\s*(\w*)", lines[at])
        literal = lines[at].rstrip().endswith("::") and not lines[at].lstrip().startswith("..")
        if directive or literal:
            start = next((i for i in range(at + 1, len(lines)) if lines[i].strip()), len(lines))
            text, end = body(lines, start, margin_of(lines[at]))
            yield Block(name, start + 1, directive and directive[1] or None, text)
            at = end
        else:
            at += 1


def blocks(name):
    return list((rst_blocks if name.endswith(".rst") else markdown_blocks)(name))


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


def of_case(name, case):
    """What a case of the box runs: (shell lines before QEMU, the words of QEMU's command line, shell lines after)"""
    before, words, after = [], [], []
    for command, row in classified(name):
        if not row or row.kind != "box" or case not in row.note.split():
            continue
        if not command.text.startswith("qemu-system-"):
            (after if words else before).append(command.text)
        elif words:
            raise ValueError(f"{name} has two QEMU command lines for the case {case}")
        else:
            words = shlex.split(command.text)[1:]
    return before, words, after
