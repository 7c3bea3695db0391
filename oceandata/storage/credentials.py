"""
Profiles: how to reach an object store, by name, and where its keys are.

A profile says which server, which region, and which environment variables hold the keys; it never holds a key itself.
So neither a catalogue, nor a log, nor a task sent to a Dask worker can carry one: each machine looks the name up in
its own file. Without a profile the usual AWS chain applies (``AWS_*`` variables, ``~/.aws``, the role of a machine).

The file, ``~/.config/oceandata/profiles.yaml`` unless ``OCEANDATA_PROFILES`` names another, maps names to settings::

    qdex:
      endpoint_url: https://oss.example.org
      region: cn-qingdao
      access_key_env: QDEX_KEY
      secret_key_env: QDEX_SECRET

A profile called ``default`` serves every URL that names none.
"""

import os
from pathlib import Path
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from oceandata.documents import Document
from oceandata.errors import AccessError, DocumentError, NotFoundError, closest
from oceandata.options import get_options
from oceandata.storage.urls import bucket_place

__all__ = ["Keys", "Profile", "profiles_path", "read_profile", "require_keys"]


class Profile(Document):
    """
    How to reach an object store.

    Attributes
    ----------
    name : str
        What the profile is called; empty for the usual AWS chain.
    endpoint_url : str
        Address of the server; empty for AWS.
    region : str
        Region to sign for; empty for what ``AWS_REGION`` says, else ``us-east-1``.
    anonymous : bool
        Read public buckets without keys.
    access_key_env, secret_key_env : str
        Names of the environment variables that hold the keys; empty for the AWS chain.
    allow_http : bool
        Permit an endpoint without encryption.
    force_path_style : bool or None
        Whether the bucket stands in the path instead of the host name; None for yes where there is an endpoint.
    timeout_s : float
        How long a server may be silent before it is asked for a sign of life, and how long that may take.
    tries : int
        How often a request that failed is made in all.
    """

    name: str = ""
    endpoint_url: str = ""
    region: str = ""
    anonymous: bool = False
    access_key_env: str = ""
    secret_key_env: str = ""
    allow_http: bool = False
    force_path_style: bool | None = None
    timeout_s: float = Field(default=10.0, gt=0, le=600)
    tries: int = Field(default=3, ge=1, le=20)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if bool(self.access_key_env) != bool(self.secret_key_env):
            msg = "access_key_env and secret_key_env belong together: give both or neither"
            raise ValueError(msg)
        if self.anonymous and self.access_key_env:
            msg = "anonymous is true, so access_key_env and secret_key_env cannot be given"
            raise ValueError(msg)
        parts = urlsplit(self.endpoint_url)
        if self.endpoint_url and (parts.scheme not in ("http", "https") or not parts.hostname):
            msg = "endpoint_url needs the form https://host or https://host:port"
            raise ValueError(msg)
        if "@" in parts.netloc or parts.query:
            msg = "endpoint_url holds a user, a password or a query: keys belong in environment variables"
            raise ValueError(msg)
        if parts.scheme == "http" and not self.allow_http:
            msg = "endpoint_url is not encrypted (http://): use https://, or set allow_http: true"
            raise ValueError(msg)
        return self

    @property
    def server(self) -> str:
        """Address of the server."""
        if self.endpoint_url:
            return self.endpoint_url.rstrip("/")
        named = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        if named:
            return named.rstrip("/")
        country = ".cn" if self.signing_region.startswith("cn-") else ""
        return f"https://s3.{self.signing_region}.amazonaws.com{country}"

    @property
    def is_aws(self) -> bool:
        """True if no other server is named."""
        return urlsplit(self.server).netloc.endswith((".amazonaws.com", ".amazonaws.com.cn"))

    @property
    def signing_region(self) -> str:
        """Region to sign for."""
        return self.region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"

    @property
    def has_bucket_in_path(self) -> bool:
        """Whether the bucket stands in the path of an address."""
        return not self.is_aws if self.force_path_style is None else self.force_path_style

    @property
    def advice(self) -> str:
        """Where to look when a key is refused."""
        if self.anonymous:
            return f"profile {self.name!r} is anonymous and reads public buckets only"
        if self.access_key_env:
            return f"check the variables {self.access_key_env} and {self.secret_key_env} of profile {self.name!r}"
        return "check the AWS keys of this machine, or name a profile: s3://bucket/prefix?profile=name"


class Keys(NamedTuple):
    """An access key; prints without its secret."""

    access: str
    secret: str

    def __repr__(self) -> str:
        return "Keys(...)"


def profiles_path() -> Path:
    """
    Path of the file of profiles.

    Returns
    -------
    pathlib.Path
        From the option `profiles`, else ``~/.config/oceandata/profiles.yaml``.
    """
    named = get_options().profiles
    return Path(named).expanduser() if named else Path.home() / ".config" / "oceandata" / "profiles.yaml"


def _read_file(path: Path) -> dict[str, Any]:
    """Settings of all profiles; an error never repeats a value, which may be a key put there by mistake."""
    import yaml

    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        if get_options().profiles:
            msg = f"there is no file of profiles at {path}, which the option profiles names. Write it, or unset it."
            raise NotFoundError(msg) from None
        return {}
    except PermissionError as error:
        msg = f"the file of profiles {path} cannot be read by this user. Change its owner or mode."
        raise AccessError(msg) from error
    try:
        document = yaml.safe_load(text) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", -1) + 1
        msg = f"the file of profiles {path} is no YAML{f' (line {line})' if line else ''}."
        raise DocumentError(msg) from None
    if not isinstance(document, dict) or not all(isinstance(settings, dict) for settings in document.values()):
        msg = f"the file of profiles {path} was given in another form, need names with settings below each."
        raise DocumentError(msg)
    return {str(name): settings for name, settings in document.items()}


def read_profile(url: str | os.PathLike[str]) -> Profile:
    """
    Profile that an ``s3://`` URL is reached with.

    Parameters
    ----------
    url : str
        The URL, with ``?profile=name`` or without.

    Returns
    -------
    Profile
        The named one; without a name the profile ``default``, or the AWS chain if there is none.

    Raises
    ------
    NotFoundError
        If the profile, or the file that the option `profiles` names, is not there.
    DocumentError
        If the file or the profile has faults.
    AccessError
        If the file cannot be read.
    """
    name = bucket_place(url).profile
    path = profiles_path()
    profiles = _read_file(path)
    if name and name not in profiles:
        near = closest(name, sorted(profiles))
        msg = (
            f"there is no profile {name!r} in {path}. {near or 'Write it there: endpoint_url, region, key variables.'}"
        )
        raise NotFoundError(msg)
    chosen = name or ("default" if "default" in profiles else "")
    if not chosen:
        return Profile()
    return Profile.from_json({**profiles[chosen], "name": chosen}, where=f"profile {chosen!r} in {path}")


def require_keys(profile: Profile) -> Keys | None:
    """
    Keys of a profile, read from the environment now.

    Parameters
    ----------
    profile : Profile
        The profile.

    Returns
    -------
    Keys or None
        None for an anonymous profile, or one that leaves keys to the AWS chain.

    Raises
    ------
    AccessError
        If a variable that the profile names is not set.
    """
    if not profile.access_key_env:
        return None
    missing = [name for name in (profile.access_key_env, profile.secret_key_env) if not os.environ.get(name)]
    if missing:
        msg = (
            f"profile {profile.name!r} takes its keys from the environment, but {' and '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} not set. Set {'it' if len(missing) == 1 else 'them'} on this "
            "machine, and on the workers of a cluster."
        )
        raise AccessError(msg)
    return Keys(os.environ[profile.access_key_env], os.environ[profile.secret_key_env])
