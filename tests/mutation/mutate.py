# SPDX-License-Identifier: GPL-2.0-or-later
"""One token changed: does a test notice? scripts/mutate runs this, on a copy of the tree with two build folders.

  mutations   what of a C file can be changed: an operator, a condition, a constant, a statement that goes, true and false
  survivors   tests/mutation/survivors, what is known to live, each with the reason why nothing can notice it
  Build       a build folder of the copy: its programs, its tests, and how long each takes unmutated
  main        draws mutations by a seed, and tries each: first without sanitizers, then, if it lives, with them

A mutation that does not compile, or that gives the same machine code, is none: another one is drawn for it.
"""
import argparse
import hashlib
import json
import math
import os
import random
import re
import resource
import signal
import subprocess
import sys
from collections import namedtuple

SOURCES = ("engine", "port", "hw/vfio")         # folders with C files that are mutated
SUITES = ("unit", "fuzz")
WITHOUT = ("lock",)                             # threads for a fixed time; what it looks at is not in SOURCES
TIMES, LEAST = 5, 2                             # a test may take so many times its unmutated time, or so many seconds
ASLEEP = 120                                    # seconds of the clock, for one that waits for nothing
MEMORY = 4 << 30                                # bytes of address space, without sanitizers

Mutation = namedtuple("Mutation", "file start end text function line")


# ---- Mutations of a C file ------------------------------------------------------------------------------------------

TOKEN = re.compile(r"""
    (?P<space>\s+|\\\n|//[^\n]*|/\*.*?\*/)
  | (?P<directive>^[ ]*\#(?:\\\n|[^\n])*)
  | (?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
  | (?P<number>0[xX][0-9a-fA-F]+[uUlL]*|\d+[uUlL]*)
  | (?P<name>[A-Za-z_]\w*)
  | (?P<operator><<=|>>=|\.\.\.|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|.)
""", re.X | re.S | re.M)

BINARY = {"==": "!=", "!=": "==", "<": "<=", "<=": "<", ">": ">=", ">=": ">", "&&": "||", "||": "&&", "+": "-", "-": "+",
          "&": "|", "|": "&", "<<": ">>", ">>": "<<", "+=": "-=", "-=": "+=", "|=": "&=", "&=": "|=", "++": "--", "--": "++"}
UNARY_TOO = ("+", "-", "&", "*")
WORDS = {"true": "false", "false": "true"}

Token = namedtuple("Token", "kind text start end")


def tokens_of(text):
    return [Token(m.lastgroup, m[0], m.start(), m.end()) for m in TOKEN.finditer(text)
            if m.lastgroup not in ("space", "directive")]


def matching(tokens, at):
    """The index of what closes the bracket at at"""
    pairs, depth = {"(": ")", "[": "]", "{": "}"}, 0
    opening, closing = tokens[at].text, pairs[tokens[at].text]
    for i in range(at, len(tokens)):
        depth += (tokens[i].text == opening) - (tokens[i].text == closing)
        if depth == 0:
            return i
    return len(tokens) - 1


def bodies(tokens):
    """(name, first, last) of each function and each initialised table at the top level; types are left out"""
    at, name, before = 0, "", None
    while at < len(tokens):
        t = tokens[at]
        if t.text == "{":
            end = matching(tokens, at)
            if before in (")", "="):
                yield name, at, end
            at, name, before = end + 1, "", "}"
            continue
        if t.kind == "name" and at + 1 < len(tokens) and tokens[at + 1].text in ("(", "[", "=") and not (
                before == ")" or name):
            name = t.text
        if t.text == "(":
            at, before = matching(tokens, at) + 1, ")"
            continue
        if t.text == ";":
            name = ""
        before = t.text
        at += 1


def is_operand(token):
    return token.kind in ("name", "number", "string") and token.text not in ("return", "case") or token.text in (")", "]")


def constants(text):
    digits = re.match(r"0[xX][0-9a-fA-F]+|\d+", text)[0]
    suffix, value = text[len(digits):], int(digits, 0)
    for other in (value + 1, value - 1):
        if other >= 0:
            yield (hex(other) if digits[:2] in ("0x", "0X") else str(other)) + suffix


def statement_end(tokens, at, last):
    """Where the simple statement that begins at at ends: the index of its ";"; None for a declaration and the like"""
    if tokens[at].text in ("break", "continue"):
        return at + 1 if tokens[at + 1].text == ";" else None
    if tokens[at].kind != "name" or tokens[at].text in ("return", "goto", "case", "default", "else", "do", "if", "for", "while",
                                                         "switch", "sizeof", "g_assert", "static_assert", "_Static_assert"):
        return None
    if tokens[at + 1].text not in ("(", "->", ".", "[", "=", "+=", "-=", "|=", "&=", "^=", "++", "--"):
        return None
    i = at
    while i < last and tokens[i].text not in (";", "{", "}"):
        i = matching(tokens, i) + 1 if tokens[i].text in ("(", "[") else i + 1
    return i if tokens[i].text == ";" else None


def mutations(file, text):
    tokens = tokens_of(text)
    line_starts = [0] + [m.end() for m in re.finditer("\n", text)]

    def mutation(start, end, new, function):
        line = sum(s <= start for s in line_starts)
        return Mutation(file, start, end, new, function, line)

    for function, first, last in bodies(tokens):
        for i in range(first + 1, last):
            t, before, after = tokens[i], tokens[i - 1], tokens[i + 1]
            if t.kind == "number":
                for other in constants(t.text):
                    yield mutation(t.start, t.end, other, function)
            elif t.text in WORDS:
                yield mutation(t.start, t.end, WORDS[t.text], function)
            elif t.text in BINARY and (t.text not in UNARY_TOO or is_operand(before)):
                yield mutation(t.start, t.end, BINARY[t.text], function)
            elif t.text == "!":
                yield mutation(t.start, t.end, "", function)
            elif t.text in ("if", "while") and after.text == "(":
                close = tokens[matching(tokens, i + 1)]
                yield mutation(after.start, close.end, "(!" + text[after.start:close.end] + ")", function)
            if before.text in (";", "{", "}", ":"):
                end = statement_end(tokens, i, last)
                if end is not None:
                    yield mutation(t.start, tokens[end].end, ";", function)


def squeezed(text):
    return re.sub(r"\s+", " ", text).strip()


def lines_of(text, mutation):
    """The lines that the mutation touches, before and after, as one line each"""
    start = text.rfind("\n", 0, mutation.start) + 1
    end = text.find("\n", mutation.end)
    return (squeezed(text[start:end]),
            squeezed(text[start:mutation.start] + mutation.text + text[mutation.end:end]))


# ---- What is known to live -----------------------------------------------------------------------------------------

def survivors(path):
    """{(function, before, after): reason}; the file and what is behind FUNCTION is for people"""
    known, entry = {}, []
    with open(path, encoding="utf-8") as f:
        lines = [line.rstrip("\n") for line in f if not line.startswith("#")] + [""]
    for line in lines:
        if line.strip():
            entry.append(line.strip())
            continue
        if entry:
            where, before, after, *why = entry
            if not (before.startswith("- ") and after.startswith("+ ") and why):
                sys.exit(f"{path}: FILE FUNCTION, - before, + after, and why: {where}")
            known[(where.split()[1], before[2:], after[2:])] = " ".join(why)
        entry = []
    return known


# ---- A build ---------------------------------------------------------------------------------------------------------

def processor_time():
    """Of what has been started and has ended"""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class Build:
    def __init__(self, folder, jobs, limit_memory, tests=""):
        self.folder, self.jobs, self.limit_memory = folder, jobs, limit_memory
        with open(os.path.join(folder, "meson-info", "intro-tests.json"), encoding="utf-8") as f:
            self.tests = [t for t in json.load(f) if t["name"] not in WITHOUT and re.search(tests, t["name"]) and
                          any(s.split(":")[-1] in SUITES for s in t["suite"]) and self.is_built(t)]
        self.seconds = {}
        self.kills = {}

    def ninja(self, *targets):
        return subprocess.run(["ninja", "-C", self.folder, f"-j{self.jobs}", *targets], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)

    def is_built(self, test):
        """A test that is a script has no program that a mutant could be in"""
        return not self.program(test).startswith("..")

    def program(self, test):
        return os.path.relpath(test["cmd"][0], self.folder)

    def limits(self, seconds):
        if self.limit_memory:
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))

    def run(self, test, seconds):
        """Whether the test passes in that time of the processor's, which other programs beside it do not take"""
        env = {**os.environ, "MALLOC_PERTURB_": "85", **test["env"]}
        with subprocess.Popen(test["cmd"], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, preexec_fn=lambda: self.limits(seconds), cwd=self.folder) as ran:
            try:
                return ran.wait(ASLEEP + 20 * seconds) == 0
            except subprocess.TimeoutExpired:
                ran.kill()
                return False

    def measure(self):
        """Builds all, and takes each test's time; a test that fails now could not tell anything later"""
        built = self.ninja(*{self.program(t) for t in self.tests})
        if built.returncode:
            sys.exit(f"{self.folder} does not build:\n{built.stdout[-3000:]}")
        for test in self.tests:
            start = processor_time()
            if not self.run(test, 600):
                sys.exit(f"{test['name']} fails before anything is changed")
            self.seconds[test["name"]] = processor_time() - start
        return sum(self.seconds.values())

    def order(self, file):
        """Tests of the same file first, then those that have killed, then the quick ones"""
        stem = os.path.basename(file)[:-2]
        return sorted(self.tests, key=lambda t: (t["name"] != stem, -self.kills.get(t["name"], 0),
                                                 self.seconds[t["name"]], t["name"]))

    def killer(self, file):
        """The name of the first test that notices, "" if none does"""
        if not self.seconds:
            sys.exit(f"{self.folder} was not measured")
        for test in self.order(file):
            if self.ninja(self.program(test)).returncode:
                return "linker"
            limit = max(LEAST, math.ceil(TIMES * self.seconds[test["name"]]))
            if not self.run(test, limit):
                self.kills[test["name"]] = self.kills.get(test["name"], 0) + 1
                return test["name"]
        return ""

    def object_of(self, file):
        """The object's path in the folder, and what is in it; None if it does not compile"""
        with open(os.path.join(self.folder, "compile_commands.json"), encoding="utf-8") as f:
            outputs = [c["output"] for c in json.load(f)
                       if os.path.normpath(os.path.join(self.folder, c["file"])).endswith("/src/" + file)]
        if not outputs:
            sys.exit(f"no object is made of {file}")
        if self.ninja(outputs[0]).returncode:
            return None
        with open(os.path.join(self.folder, outputs[0]), "rb") as f:
            return hashlib.sha256(f.read()).hexdigest()


# ---- A run -----------------------------------------------------------------------------------------------------------

def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def write(path, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def candidates(tree):
    for folder in SOURCES:
        where = os.path.join(tree, folder)
        for name in sorted(os.listdir(where)) if os.path.isdir(where) else ():
            if name.endswith(".c"):
                file = f"{folder}/{name}"
                yield from mutations(file, read(os.path.join(tree, file)))


class Run:
    def __init__(self, tree, quick, thorough, known):
        self.tree, self.quick, self.thorough, self.known = tree, quick, thorough, known
        self.hashes = {}
        self.dead = self.listed = 0
        self.living = []

    def unmutated(self, file):
        if file not in self.hashes:
            self.hashes[file] = self.quick.object_of(file)
        return self.hashes[file]

    def verdict(self, mutation, text):
        """"none" (does not compile, or is the same code), or the test that notices, or "" """
        path = os.path.join(self.tree, mutation.file)
        same = self.unmutated(mutation.file)
        try:
            write(path, text[:mutation.start] + mutation.text + text[mutation.end:])
            if self.quick.object_of(mutation.file) in (None, same):
                return "none"
            return self.quick.killer(mutation.file) or self.thoroughly(mutation, text)
        finally:
            write(path, text)

    def thoroughly(self, mutation, text):
        """With sanitizers, which are built and measured for the first that lives without"""
        path = os.path.join(self.tree, mutation.file)
        if not self.thorough.seconds:
            mutated = read(path)
            write(path, text)
            print(f"unmutated, with sanitizers: {self.thorough.measure():.1f} s", flush=True)
            write(path, mutated)
        return self.thorough.killer(mutation.file)

    def attempt(self, mutation):
        """Whether it was one"""
        text = read(os.path.join(self.tree, mutation.file))
        before, after = lines_of(text, mutation)
        by = self.verdict(mutation, text)
        if by == "none":
            return False
        where = f"{mutation.file}:{mutation.line} {mutation.function}"
        if by:
            self.dead += 1
            print(f"killed by {by}: {where}: {after}", flush=True)
        elif (mutation.function, before, after) in self.known:
            self.listed += 1
            print(f"lives, as listed: {where}: {after}", flush=True)
        else:
            self.living.append((mutation, before, after))
            print(f"LIVES: {where}\n  - {before}\n  + {after}", flush=True)
        return True


def stale(known, tree):
    """Entries that are for nothing (any more)"""
    there = {}
    for m in candidates(tree):
        there.setdefault(m.function, []).append(m)
    for function, before, after in known:
        if not any(lines_of(read(os.path.join(tree, m.file)), m) == (before, after) for m in there.get(function, ())):
            yield f"tests/mutation/survivors: there is no such mutation (any more): {function}: {after}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tree")
    parser.add_argument("quick")
    parser.add_argument("thorough")
    parser.add_argument("survivors")
    parser.add_argument("number", type=int)
    parser.add_argument("seed", type=int)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--tests", default="", help="a pattern: only tests with such names")
    parser.add_argument("--only", default="", help="a pattern: only mutations whose \"FILE FUNCTION: after\" it fits")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))     # the file becomes as it was, as after ^C

    known = survivors(args.survivors)
    run = Run(args.tree, Build(args.quick, args.jobs, True, args.tests), Build(args.thorough, args.jobs, False, args.tests),
              known)
    print(f"unmutated: {run.quick.measure():.1f} s", flush=True)

    drawn = list(candidates(args.tree))
    if args.only:
        drawn = [m for m in drawn if re.search(
            args.only, f"{m.file} {m.function}: {lines_of(read(os.path.join(args.tree, m.file)), m)[1]}")]
    random.Random(args.seed).shuffle(drawn)
    print(f"{len(drawn)} mutations are possible, {args.number} are tried, seed {args.seed}", flush=True)
    tried = 0
    for mutation in drawn:
        if tried == args.number:
            break
        tried += run.attempt(mutation)

    for complaint in stale(known, args.tree):
        print(complaint)
    if run.living:
        print("\nThese live, and tests/mutation/survivors does not say why:")
        for mutation, before, after in run.living:
            print(f"\n{mutation.file} {mutation.function}\n- {before}\n+ {after}")
        print()
    print(f"{tried} mutants: {run.dead} killed, {run.listed} live as listed, {len(run.living)} live")
    return 1 if run.living else 0


if __name__ == "__main__":
    sys.exit(main())
