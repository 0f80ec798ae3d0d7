"""Words that are names of characters in some games and ordinary words everywhere.

Games name people CHIEF, ORACLE or DEATH, and given names are words, too: grace, hope, sunday. In
a description such a word is a name only where it is written as one (see
:mod:`pipelines.stages.names`). Words are folded as :mod:`pipelines.stages.wording` folds them.
"""

from __future__ import annotations

# Roles, ranks, kin, creatures, virtues, calendar words, colours, materials, manners.
LATIN = frozenset(
    """
    abbot ace actor admiral adventurer advisor agent alchemist alien amber angel angelic
    apprentice april archer aria art artist ash assassin assistant attendant august aunt author
    autumn baby baker bandit barbarian bard barkeeper baron bartender beast beauty belle bill
    bishop bitter black blacksmith blaze bliss blossom blue boat bodyguard bold boss bot boy
    bright broken brother brown buck buddy bully butcher butler calm captain carol cat celebrity
    champion chance chancellor charity chase chastity chef cherry chief chieftain child clay
    clerk cliff clown coach cold colonel comfort commander commentator computer conductor cook
    cool coral corporal count countess cowboy crazy creature crew crimson crone crowd crystal
    cultist cute dad daisy dancer dark daughter dawn dean dear death december deep demon deputy
    destiny detective devil diplomat director diver doctor dog doll dragon dream driver drone
    drummer drunk duchess duke dusk dwarf east echo elder elf ember emperor employee empress
    enemy enforcer engineer entertainer eternity eve ever everyone evil explorer fairy faith
    farmer fast fat fate father fay february fern fiery fighter fire first fisherman flora
    forest fortune fox frank friday friend frost gale gem gene general gentle ghost giant ginger
    girl girls gladiator glory goblin god goddess gold golden good grace grandfather grandma
    grandmother grandpa grant gray great green grey guard guardian guest guide guy happy hard
    harmony haven hazel heather heavy hermit hero heroine high honey honor honour hope host
    hostess hot hunter ice innkeeper inspector instructor inventor iron ivory ivy jack jade
    jailer january jasmine jazz jester jewel jolly joy judge july june justice keeper kid killer
    kind king kit knight lady lance last laurel leader librarian lieutenant light lily little
    lone long lord lost love lover luck lunar machine mad mage magician maid major man manager
    march mark marquis marshal mascot mason master mate matt max may mayor mechanic medic melody
    men merchant mercy merit messenger mighty mike miles miner minister minstrel mist mom monday
    monk monkey monster moon morning mother mum musician mysterious mystery narrator nature
    navigator new nick night ninja noble nobody north november number nun nurse ocean october
    officer old olive one opal oracle orc other outlaw owl page paladin pale panther parrot
    passenger pat patience patient peace pearl peasant peddler penny petal phantom philosopher
    pilgrim pilot pink pirate player poet policeman pope poppy postman preacher president pride
    priest priestess prince princess principal prisoner prodigy professor prophet proud prudence
    puppet pure purple pygmy queen quick quiet rabbit radio rain ranger rat raven ray rebel
    recruit red reed referee rich river rob robber robin robot rock rod rogue rose royal ruby
    rue ruler rusty sad sage sailor saint sandy saturday scarlet scholar scientist scout sec
    second secretary sentinel sentry september serenity sergeant serious servant shadow shaman
    sharp sheriff shopkeeper short shy silent silver singer sister skip sky slave sleepy slow
    small smith smooth smuggler sniper soft sol soldier solemn son song sonny sorcerer sorceress
    sorrow soul south speaker spider spirit spring spy stalker star steel sterling stone storm
    strange stranger strong student sultan summer sun sunday sunny sunshine swan sweet sword
    swordsman tailor tall teacher temperance tempo terra thief third thug thunder thursday tiger
    tiny tough tourist trader trainer traitor traveler traveller trickster trinity trip trist
    true tuesday tutor twilight twin twins two tyrant uncle unity usher valor vampire velvet
    vendor verity veteran victor victory viking villager villain violet virtue voice wade waiter
    waitress wanderer ward warden warlord warm warrior watchman water wednesday werewolf west
    whale whisper white wife wild will willow wind winter wisdom wise wit witch wizard wolf
    woman women worker writer young youth zen zombie
    """.split()
)

# Chinese and Japanese: roles. Nothing in the writing tells such a name from the word, so they are
# never taken for a name.
CJK = frozenset(
    """
    船长 队长 村长 酋长 首领 国王 女王 皇帝 王子 公主 将军 士兵 守卫 卫兵 侍卫 商人 老板
    店主 老师 医生 护士 学生 孩子 男孩 女孩 少年 少女 老人 父亲 母亲 爸爸 妈妈 哥哥 姐姐
    弟弟 妹妹 爷爷 奶奶 旅行者 开拓者 旁白 神谕 死神 秘书 骑士 法师 女巫 巫师 猎人 渔夫 农夫
    村民 路人 星期日 白露 秋天 春天 夏天 冬天 声音 船長 隊長 村長 酋長 國王 將軍 衛兵 騎士
    王様 女王様 お姫様 兵士 先生 医者 子供 旅人 語り手 ナレーター キャプテン 魔女 魔法使い
    猟師 村人
    """.split()
)

# Words of a name of several words that never are the name: titles, particles, articles.
TITLES = frozenset(
    """
    the a an of and de da di del della der den des du la le les el los las van von zu zur bin ibn al
    mr mrs ms miss mister madam madame mademoiselle monsieur sir dame dr prof professor doctor st
    saint captain commander general colonel major sergeant lieutenant officer agent king queen
    prince princess lord lady duke duchess count countess baron baroness father mother brother
    sister uncle aunt grandpa grandma old young little big jr sr ii iii iv
    """.split()
)
