"""What each generated instruction starts from: who speaks, where, in what mood; drawn by a seed.

A model that is asked for thousands of instructions without anything to start from writes the same
dozens again and again. So every item of every request has a seed of its own. The lists are this
project's own; FlexiVoice A.4 says no more than "arbitrary scenarios".
"""

from __future__ import annotations

import random
from dataclasses import dataclass

# FlexiVoice 5.1, in the order of the paper.
ATTRIBUTES = (
    "gender",
    "pitch",
    "texture",
    "clarity",
    "fluency",
    "speed",
    "accent",
    "age",
    "volume",
    "emotion",
    "tone",
    "personality",
)

_WHO = (
    "a retired sailor|a primary school pupil|a night nurse|a market trader|a radio host|"
    "a new father|a chess coach|a tired bus driver|a museum guide|a young recruit|a village doctor|"
    "an opera singer off stage|a grandmother|a football commentator|a shy intern|a court clerk|"
    "a street musician|a beekeeper|a flight attendant|a strict headteacher|a detective|"
    "a fairground barker|a librarian|a software tester|a teenage gamer|a wedding guest|a judge|"
    "a storyteller for children|a fisherman|a tailor|a mountain rescuer|a call centre agent|"
    "a yoga teacher|an auctioneer|a locksmith|a widowed neighbour|a robot in a play|"
    "a palace servant|a taxi driver|a science teacher|a news reader|a carpenter|"
    "a ship's cook|a voice on a lift|a fortune teller|a weather forecaster|a goalkeeper|a poet"
).split("|")
_WHERE = (
    "in a crowded kitchen|on a late train|in an empty theatre|at a hospital bed|on a windy pier|"
    "in a school corridor|during a power cut|at a family dinner|on a bad telephone line|"
    "in a courtroom|at a farewell party|in a small tent|before an exam|on a mountain path|"
    "at a shop counter|in a recording booth|on a night shift|in heavy rain|at an airport gate|"
    "in a library|next to a sleeping child|in a stadium|at a job interview|on a film set|"
    "in a traffic jam|at a graveside|in a cellar|during a live stream|on a ferry|at a bus stop|"
    "in a laboratory|at a street party|in a waiting room|on a rooftop|at a ceremony|"
    "in a workshop|at a customs desk|during a board game|in a garden at dawn|on a battlefield|"
    "in a dream|at a press conference|in a palace|by a camp fire|in a classroom|on a space station|"
    "at an auction|behind the scenes"
).split("|")
_MOOD = (
    "barely holding back a laugh|close to tears|bored to the bone|full of pride|suspicious|"
    "in a great hurry|half asleep|deeply in love|furious but polite|relieved|ashamed|"
    "conspiratorial|solemn|giddy with joy|homesick|jealous|patient|mocking|frightened|hopeful|"
    "matter-of-fact|nostalgic|in awe|irritated|tender|triumphant|resigned|curious|cold|"
    "playful|exhausted|determined|embarrassed|consoling|sarcastic|perfectly calm"
).split("|")


@dataclass(frozen=True, slots=True)
class Seed:
    """What one item starts from."""

    number: int  # in its request, from 1
    who: str
    where: str
    mood: str
    attributes: tuple[str, ...]  # that it must name, in the order of ATTRIBUTES

    def question(self) -> dict[str, object]:
        """As the model reads it."""
        asked: dict[str, object] = {
            "seed": self.number,
            "who": self.who,
            "where": self.where,
            "mood": self.mood,
        }
        return asked | ({"attributes": list(self.attributes)} if self.attributes else {})


def draw_seeds(purpose: str, number: int, attributes: int) -> tuple[Seed, ...]:
    """The seeds of one request.

    Args:
        purpose: what the request is, with the set's seed and its own number: the same purpose
            gives the same seeds.
        number: how many.
        attributes: how many attributes each must name.

    >>> draw_seeds("0 en free 1", 2, 0) == draw_seeds("0 en free 1", 2, 0)
    True
    >>> [len(seed.attributes) for seed in draw_seeds("0 en features 3 1", 2, 3)]
    [3, 3]
    """
    chance = random.Random(f"s3 {purpose}")
    seeds = []
    for place in range(1, number + 1):
        drawn = set(chance.sample(ATTRIBUTES, attributes))
        seeds.append(
            Seed(
                number=place,
                who=chance.choice(_WHO),
                where=chance.choice(_WHERE),
                mood=chance.choice(_MOOD),
                attributes=tuple(name for name in ATTRIBUTES if name in drawn),
            )
        )
    return tuple(seeds)
