"""Dataset repositories of the hub on this machine: what huggingface_hub asks when it makes one, uploads and commits."""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote

TOKENS = {"hf_aToken0fTheOwner": "owner", "hf_aToken0fAReader": "reader"}
"""By token its user. The reader may write nowhere."""
_LFS = (".parquet", ".png", ".jpg", ".webp", ".tar", ".bin")
"""What the Hub's own .gitattributes keep outside git, among others."""

Reply = tuple[int, bytes, dict[str, str]]


@dataclass
class Repo:
    """A repository: every commit is all its files.

    Attributes:
        commits: by id the content of every file.
        branches: by name the id of the head.
        messages: of the commits, oldest first.
    """

    private: bool
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)

    def commit(self, branch: str, files: Mapping[str, bytes], message: str) -> str:
        number = len(self.commits)
        oid = hashlib.sha1(f"{number}{message}{sorted(files)}".encode()).hexdigest()
        self.commits[oid], self.branches[branch] = dict(files), oid
        self.messages.append(message)
        return oid

    def head(self, branch: str = "main") -> dict[str, bytes]:
        return self.commits[self.branches[branch]]


class DatasetRepos:
    """The dataset repositories of a hub.

    Attributes:
        repos: by `owner/name`.
        objects: large files that have arrived, by sha256, committed or not.
        uploads: the sha256 of each upload, in order.
        before: is called with the method and the path of every request; a status that it returns is the answer.
    """

    def __init__(self) -> None:
        self.repos: dict[str, Repo] = {}
        self.objects: dict[str, bytes] = {}
        self.uploads: list[str] = []
        self.url = ""
        self.before: Callable[[str, str], int | None] = lambda method, path: None

    def create(self, name: str, *, private: bool = False) -> Repo:
        self.repos[name] = repo = Repo(private)
        repo.commit("main", {".gitattributes": b"*.parquet filter=lfs\n"}, "initial commit")
        return repo

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Reply | None:
        """Answer a request; None for what is not about datasets."""
        path, _, query = target.partition("?")
        if (status := self.before(method, path)) is not None:
            return status, b"{}", {"Retry-After": "0"}
        parts = [unquote(part) for part in path.strip("/").split("/")]
        token = headers.get("Authorization", "").removeprefix("Bearer ")
        if token and token not in TOKENS:
            said = {"X-Error-Message": "Invalid credentials in Authorization header"}
            return 401, b'{"error": "Invalid credentials"}', said
        user = TOKENS.get(token)
        match parts:
            case ["api", "whoami-v2"]:
                return _json({"name": user, "type": "user"}) if user else (401, b"{}", {})
            case ["api", "validate-yaml"]:
                return _json({"errors": [], "warnings": []})
            case ["api", "repos", "create"]:
                return self._made(json.loads(body), user)
            case ["upload", oid]:
                if hashlib.sha256(body).hexdigest() != oid:  # it broke off, with the client that was killed
                    return 400, b"{}", {}
                self.objects[oid] = body
                self.uploads.append(oid)
                return _json({})
            case ["api", "datasets", owner, name, *more]:
                return self._asked(f"{owner}/{name}", more, query, body, user)
            case ["datasets", owner, name, "resolve", revision, *file]:
                repo = self._visible(f"{owner}/{name}", user)
                return _missing() if repo is None else self._file(repo, revision, "/".join(file))
            case ["datasets", owner, name, "info", "lfs", "objects", "batch"] if name.endswith(".git"):
                return self._batch(json.loads(body))
        return None

    def _visible(self, name: str, user: str | None) -> Repo | None:
        repo = self.repos.get(name)
        return repo if repo is not None and (user == name.partition("/")[0] or not repo.private) else None

    def _made(self, asked: Mapping[str, str], user: str | None) -> Reply:
        name = f"{asked.get('organization') or user}/{asked['name']}"
        if user != name.partition("/")[0]:
            return 403, b"{}", {"X-Error-Message": f"You don't have the rights to create {name}"}
        address = {"url": f"{self.url}/datasets/{name}"}
        if name in self.repos:
            return 409, json.dumps(address | {"error": "You already created this dataset repo"}).encode(), {}
        self.create(name, private=asked.get("visibility") == "private")
        return _json(address)

    def _asked(self, name: str, more: list[str], query: str, body: bytes, user: str | None) -> Reply:
        repo = self._visible(name, user)
        if repo is None:
            return _missing()
        if more[:1] in (["preupload"], ["commit"], ["branch"]) and user != name.partition("/")[0]:
            return 403, b"{}", {"X-Error-Message": f"you may not write to {name}"}
        match more:
            case ["branch", branch]:
                repo.branches[branch] = repo.branches["main"]
                return _json({})
            case [] | ["revision", _]:
                oid = _oid(repo, more[1] if more else "main")
                if oid is None:
                    return 404, b"{}", {"X-Error-Code": "RevisionNotFound"}
                names = [{"rfilename": path} for path in repo.commits[oid]]
                facts = {"id": name, "sha": oid, "private": repo.private, "tags": [], "siblings": names}
                return _json(facts | {"downloads": 0})
            case ["tree", revision, *below]:
                oid = _oid(repo, revision)
                files = repo.commits[oid] if oid else {}
                recursive = "recursive" in parse_qs(query) and parse_qs(query)["recursive"][0].lower() == "true"
                return _json(_tree(files, "/".join(below), recursive=recursive))
            case ["paths-info", revision]:
                files = repo.commits[_oid(repo, revision) or ""]
                wanted = parse_qs(body.decode())["paths"]
                return _json([_described(path, files[path]) for path in wanted if path in files])
            case ["preupload", revision]:
                files = repo.commits[_oid(repo, revision) or ""]
                return _json({"files": [_mode(one["path"], files) for one in json.loads(body)["files"]]})
            case ["commit", branch]:
                return self._committed(repo, name, branch, body)
        return _missing()

    def _batch(self, asked: Mapping[str, list[dict[str, object]]]) -> Reply:
        found = []
        for one in asked["objects"]:
            upload = {"upload": {"href": f"{self.url}/upload/{one['oid']}"}}
            found.append({**one} if one["oid"] in self.objects else {**one, "actions": upload})
        return _json({"transfer": "basic", "objects": found})

    def _committed(self, repo: Repo, name: str, branch: str, body: bytes) -> Reply:
        lines = [json.loads(line) for line in body.splitlines()]
        header = lines[0]["value"]
        if header.get("parentCommit", repo.branches[branch]) != repo.branches[branch]:
            return 412, b'{"error": "A commit has happened since."}', {}
        files = repo.head(branch).copy()
        for line in lines[1:]:
            value = line["value"]
            match line["key"]:
                case "deletedFile":
                    del files[value["path"]]
                case "file":
                    files[value["path"]] = base64.b64decode(value["content"])
                case "lfsFile":
                    if value["oid"] not in self.objects:
                        return 400, b'{"error": "an object is missing"}', {}
                    files[value["path"]] = self.objects[value["oid"]]
        oid = repo.commit(branch, files, header["summary"])
        return _json({"commitUrl": f"{self.url}/datasets/{name}/commit/{oid}", "commitOid": oid})

    def _file(self, repo: Repo, revision: str, name: str) -> Reply:
        oid = _oid(repo, revision)
        content = repo.commits[oid].get(name) if oid else None
        if content is None:
            return 404, b"", {"X-Error-Code": "EntryNotFound"}
        return 200, content, {"ETag": f'"{hashlib.sha256(content).hexdigest()}"', "X-Repo-Commit": str(oid)}


def _oid(repo: Repo, revision: str) -> str | None:
    return repo.branches.get(revision) or (revision if revision in repo.commits else None)


def _json(content: object) -> Reply:
    return 200, json.dumps(content).encode(), {"Content-Type": "application/json"}


def _missing() -> Reply:
    return 404, b'{"error": "Repository not found"}', {"X-Error-Code": "RepoNotFound"}


def _blob(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def _described(name: str, content: bytes) -> dict[str, object]:
    entry: dict[str, object] = {"type": "file", "path": name, "size": len(content), "oid": _blob(content)}
    if name.endswith(_LFS):
        oid = hashlib.sha256(content).hexdigest()
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(content)}\n".encode()
        entry |= {"oid": _blob(pointer), "lfs": {"oid": oid, "size": len(content), "pointerSize": len(pointer)}}
    return entry


def _mode(name: str, files: Mapping[str, bytes]) -> dict[str, object]:
    is_large = name.endswith(_LFS)
    mode: dict[str, object] = {
        "path": name,
        "uploadMode": "lfs" if is_large else "regular",
        "shouldIgnore": _is_ignored(name, files),
    }
    if name in files:
        mode["oid"] = hashlib.sha256(files[name]).hexdigest() if is_large else _blob(files[name])
    return mode


def _is_ignored(name: str, files: Mapping[str, bytes]) -> bool:
    return name in files.get(".gitignore", b"").decode().splitlines()


def _tree(files: Mapping[str, bytes], below: str, *, recursive: bool) -> list[dict[str, object]]:
    start = f"{below}/" if below else ""
    inside = {name.removeprefix(start): content for name, content in files.items() if name.startswith(start)}
    folders = {part for name in inside for part in _folders(name)}
    if not recursive:
        folders = {part.partition("/")[0] for part in folders}
        inside = {name: content for name, content in inside.items() if "/" not in name}
    listed: list[dict[str, object]] = [
        {"type": "directory", "path": start + name, "size": 0, "oid": hashlib.sha1(name.encode()).hexdigest()}
        for name in sorted(folders)
    ]
    return listed + [_described(start + name, content) for name, content in inside.items()]


def _folders(name: str) -> list[str]:
    parts = name.split("/")[:-1]
    return ["/".join(parts[: count + 1]) for count in range(len(parts))]
