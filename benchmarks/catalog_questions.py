"""Questions to a catalogue of drawn entries, as people ask them: the same ones for the same seed."""

from typing import Any

from benchmarks.catalog_entries import Draw

__all__ = ["questions"]


def questions(kind: str, count: int, *, seed: int = 7) -> list[dict[str, Any]]:
    """
    Draw questions.

    Parameters
    ----------
    kind : {"place", "chinese", "facets"}
        Place, time and variable; a Chinese word, with place and time in half of them; or any filters.
    count : int
        How many.
    seed : int
        The same seed draws the same.

    Returns
    -------
    list of dict
        Arguments of a search.
    """
    draw = Draw(seed)
    boxes, periods = draw.boxes(count), draw.periods(count)
    chosen = draw.random.choice(len(draw.variables), p=draw.variable_shares, size=count).tolist()
    words, coins = draw.words(count, 2), draw.random.uniform(size=(count, 9)).tolist()
    found = []
    for number in range(count):
        name, said = draw.variables[chosen[number]]
        time = "/".join(periods[number])
        place = {"bbox": boxes[number], "time": time, "variable": said.get("standard_name", name)}
        word = draw.chinese[words[number][0]]
        if kind == "place":
            found.append(place)
        elif kind == "chinese":
            found.append({"text": word} | ({"bbox": boxes[number], "time": time} if coins[number][0] < 0.5 else {}))
        else:
            others = {
                "depth": (0, 200),
                "keyword": draw.english[words[number][1]],
                "licence": "CC-BY-4.0",
                "provider": f"Centre {number % 50}",
                "processing_level": "L4",
                "traded": number % 2 == 0,
                "text": word,
            }
            kept = [key for key, coin in zip({**place, **others}, [*coins[number], 1.0], strict=True) if coin < 0.3]
            every = {**place, **others}
            found.append({key: every[key] for key in kept or [list(every)[number % len(every)]]})
    return found
