"""The index of a catalogue: SQLite tables that answer a search without reading every entry."""

__all__: list[str] = []
