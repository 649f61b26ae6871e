// Writes the seeds of the corpora, which are small and each of one kind. What a fuzzer found later
// stands beside them, under a name that says what it was.

import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const corpus = join(dirname(fileURLToPath(import.meta.url)), 'corpus')

/** A client's frame, masked with zeros. */
function frame(first, payload, length = payload.length) {
  const bytes = Buffer.from(payload)
  const head = length < 126 ? [first, 0x80 | length] : [first, 0xfe, length >> 8, length & 255]
  return Buffer.concat([Buffer.from([...head, 0, 0, 0, 0]), bytes])
}

/** Behind the size of the pieces in which it arrives. */
const frames = (size, ...list) => Buffer.concat([Buffer.from([size]), ...list])

const form = (most, text) => Buffer.concat([Buffer.from([most]), Buffer.from(text)])
const classicEvent = (handler, event, key) =>
  JSON.stringify({ type: 'event', id: 'c0', handler, event, special_vars: { key } })
const extendedEvent = (handler, event, k) => JSON.stringify(['e', 0, 1, 0, handler, event, { k }])
const aged = (age) => `["e",0,1,0,"say","click",{},${age}]`

const seeds = {
  frames: {
    'a message': frames(255, frame(0x81, '["l",0]')),
    'byte by byte': frames(1, frame(0x81, 'abc'), frame(0x82, 'x')),
    fragments: frames(9, frame(0x01, 'ab'), frame(0x89, 'ping'), frame(0x80, 'cd')),
    'as long as a message may be': frames(
      255,
      frame(0x01, 'a'.repeat(100)),
      frame(0x00, 'b'.repeat(100)),
      frame(0x80, 'c'.repeat(100)),
    ),
    chosen: Buffer.from([0, 0, 1, 2, 97, 5, 0, 0, 3, 2, 98]),
    'chosen, half a message': Buffer.from([0, 40, 1, 2, 97, 5, 0, 0, 2, 2, 98]),
    'chosen, half a frame of a message': Buffer.from([0, 200, 1, 2, 97, 0, 5, 98]),
    'pings, and nothing is read': Buffer.from([0, 1, ...Array(15).fill([5, 3, 97]).flat()]),
    'short pings, and nothing is read': Buffer.from([0, 1, ...Array(400).fill([5, 0, 97]).flat()]),
    'pings in a message, and nothing is read': Buffer.from([
      0,
      1,
      1,
      2,
      97,
      ...Array(15).fill([5, 3, 97]).flat(),
      3,
      2,
      98,
    ]),
    'messages, and nothing is read': Buffer.from([0, 1, ...Array(40).fill([0, 5, 97]).flat(), 5, 3, 97, 0, 5, 97]),
    close: frames(255, frame(0x88, '\x03\xe8')),
    pong: frames(255, frame(0x8a, '')),
    'no mask': frames(255, Buffer.from([0x81, 1, 97])),
    'a promise of much': frames(255, Buffer.from([0x81, 0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0])),
    'no text': frames(255, frame(0x81, Buffer.from([0xff, 0xfe]))),
    'the longest': frames(255, frame(0x81, 'a'.repeat(300))),
    'one too long': frames(255, frame(0x81, 'a'.repeat(301))),
    'a reserved bit': frames(255, frame(0xc1, 'a')),
    'a long ping': frames(255, frame(0x89, 'a'.repeat(126))),
  },
  classic: {
    join: '{"type":"join","id":"c0","module":"counter","token":"t"}',
    event:
      '{"type":"event","id":"c0","handler":"say","event":"input","special_vars":{"value":"a\\"b","checked":true,"key":"Enter"}}',
    'no variables': '{"type":"event","id":"c0","handler":"say","event":"click","special_vars":null}',
    leave: '{"type":"leave","id":"c0"}',
    'a long id': `{"type":"leave","id":"${'x'.repeat(128)}"}`,
    proto: '{"__proto__":{"type":"x"},"type":"leave","id":"\\u0063\\ud83d\\ude00"}',
    list: '["leave","c0",null,null,null,null,null]',
    'an id too long': `{"type":"join","id":"${'x'.repeat(200)}","module":"counter","token":"t"}`,
    'a long handler': classicEvent('x'.repeat(257), 'click', 'a'),
    'a long type': classicEvent('say', 'x'.repeat(257), 'a'),
    'a long key': classicEvent('say', 'keydown', 'x'.repeat(257)),
    'names as long as may be': classicEvent(...Array(3).fill('é'.repeat(128))),
  },
  extended: {
    join: '["j",7,"counter","t"]',
    resume: '["j",7,"counter","t","s",12]',
    event: '["e",0,8,6,"say","input",{"v":"a","c":true,"k":"a","f":"x=1","new":[]},900]',
    'no variables': '["e",0,1,0,"say","click"]',
    'arguments': '["e",0,1,0,"remove({\\"id\\":7})","click"]',
    'half a character among the arguments': '["e",0,1,0,"remove(\\"\\\\ud800\\")","click"]',
    'a detail': '["e",0,1,0,"point","pointermove",{"d":{"clientX":7,"detail.id":[1,null]}}]',
    'a detail that is no object': '["e",0,1,0,"point","pointermove",{"d":[1]}]',
    'long arguments': `["e",0,1,0,"remove(${'1'.repeat(4097)})","click"]`,
    leave: '["l",4294967295]',
    hidden: '["h",1]',
    seen: '["h",0]',
    'neither hidden nor seen': '["h",2]',
    list: '["e",0,1,0,"h","click",["a",true]]',
    'the whole tree': '["j",7,"counter","t","s",12,1]',
    'the highest number': '["e",0,4503599627370496,0,"say","click"]',
    'a number too high': '["e",0,4503599627370497,0,"say","click"]',
    'a long handler': extendedEvent('x'.repeat(257), 'click', 'a'),
    'a long type': extendedEvent('say', 'x'.repeat(257), 'a'),
    'a long key': extendedEvent('say', 'keydown', 'x'.repeat(257)),
    'names as long as may be': extendedEvent(...Array(3).fill('é'.repeat(128))),
    'no age': aged('null'),
    'an age below zero': aged('-3600000'),
    'an age below every number': aged('-1e400'),
    'a huge age': aged('18446744073709551616'),
    'an age beyond every number': aged('1e400'),
    'a part of a millisecond': aged('12.75'),
    'an age that is a text': aged('"9"'),
  },
  tokens: {
    text: 'tAgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
    bytes: Buffer.concat([Buffer.from('b\x02'), Buffer.alloc(60, 7)]),
    sealed: Buffer.concat([
      Buffer.alloc(17, 3),
      Buffer.from('\x01\x07counter\x01\0\0\0\0\0\0\0\x03abc'),
      Buffer.alloc(40, 65),
    ]),
  },
  checkpoints: {
    'one process': Buffer.from([0, 0, 0, 2, 0, 0]),
    'another process': Buffer.from([0, 0, 1, 2, 1, 0, 0]),
    changed: Buffer.from([0, 3, 0, 9, 7]),
    'another user': Buffer.from([0, 4, 0]),
    'another module': Buffer.from([0, 8, 0]),
    'the same number': Buffer.from([0, 0, 5, 0, 0, 5, 0]),
    'an old one under the same number': Buffer.from([0, 0, 0, 5, 2, 2, 0]),
    'an old one after leaving': Buffer.from([0, 0, 0, 6, 2, 2, 2, 0]),
    'an old one under the same number, after leaving': Buffer.from([0, 0, 0, 6, 5, 2, 5, 0, 0]),
    'an old one after the connection broke': Buffer.from([0, 0, 0, 7, 2, 2, 5, 2]),
    'an old one of before a crash': Buffer.from([0, 0, 0, 1, 5, 1, 6, 5, 2, 5, 1]),
  },
  trees: {
    json: '{"s":["<ul>","</ul>",""],"d":[[{"s":["<li>",""],"d":["a"]}],""]}\n{"s":["<ul>","</ul>",""],"d":[[{"s":["<li>",""],"d":["b"]}],"x"]}',
    nested: `${'{"s":["",""],"d":['.repeat(62)}"x"${']}'.repeat(62)}`,
    shapes: Buffer.from([3, 0, 0, 2, 0, 1, 4, 1, 0, 5, 2, 0, 1, 7, 3, 0, 0, 2, 0, 1, 4, 1, 0, 6, 3, 0, 1, 7]),
    flat: Buffer.from([4, 0, 3, 4, 5, 6, 7, 3, 4, 5, 6, 7, 3, 3, 4, 0, 3, 4, 3, 6, 7, 3, 4, 5, 6, 7, 5, 5]),
  },
  compact: {
    each: Buffer.from([1, 2, 4, 0, 5, 1, 0, 5, 0, 0, 5, 0, 0, 5, 0, 0, 6, 6, 3, 0, 1, 1, 2, 2, 2, 0, 0, 1]),
    list: Buffer.from([1, 1, 2, 0, 5, 1, 0, 5, 2, 0, 2, 3, 2, 2, 0, 0, 1, 2, 0, 0, 1, 97]),
    raw: Buffer.from([1, 5, 0, 255, 2, 9, 2, 1, 2, 1, 2, 1, 2, 1, 97, 98]),
    deep: Buffer.concat([Buffer.from([1, 5, 0, 255, 0, 59]), Buffer.alloc(130, 2)]),
  },
  templates: {
    text: '<p>$</p>$&$|<|>|&lt;',
    attribute: `<p title="$" class='a $ b-$'>$|"|x|&quot;|</p>`,
    url: '<a href="$" id="$">$</a>|javascript:alert(1)|x|y',
    parts: "<a href='/a/$?b=$'>&copy$</a>|../|&c=|;",
    style: '<p style="color: $; width: $px">$</p>|red|10|}',
    textarea: '<textarea name="$">$ and &$</textarea>$|x|</textarea>|amp;|y',
    title: '<title>$</title><pre>$|</title>|\nx',
    boolean: '<input ?disabled=$ value="$"><i id=i ?a=\'$\'/>$|1|"|',
    event: "<b @click=$ @input.debounce='x-$'>$</b>|go\"|x|x",
    svg: "<svg><a xlink:href='$'><title>$</title></a></svg>$|java\nscript:x|</title>|x",
    images: '<img srcset="$ 1x, $ 2x" alt=\'&am$\'>|a, javascript:x|b|p;',
    unsafe: '<script>$</script>|alert(1)',
    comment: '<!-- a --><script>a < b</script>$|-->',
  },
}

seeds.forms = {
  plain: form(8, 'a=1&b=2&a=3&c'),
  encoded: form(8, 'n%61me=%C3%A9+%22x%22&+=%&%4=%ff%00'),
  proto: form(8, '__proto__=x&constructor=y&__proto__=z&toString'),
  'as many names as may be': form(3, 'a&b&c&a&b&c'),
  'one name too many': form(3, 'a&b&a&c&&=d'),
  'no names': form(0, '&&&'),
  'many of a name': form(1, 'a&'.repeat(300)),
  'some names': form(255, 'a=1&b=2&c=3&d=4&e=5&f=6&g=7&h=8'),
}

const address = (prefix, text) => Buffer.concat([Buffer.from([prefix, 1]), Buffer.from(text)])
const ip = (prefix, kind, bytes, ...more) => Buffer.from([prefix, 0, kind, ...bytes, ...more])
const example = [0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6]

seeds.addresses = {
  v4: address(64, '10.0.0.7'),
  'v4 as v6': address(64, '::ffff:10.0.0.7'),
  'v4 and a port': address(64, '10.0.0.7:51234'),
  'v4 and a port that is none': address(64, '10.0.0.7:99999'),
  'a zone': address(64, 'fe80::1%eth0'),
  'a zone and a port': address(64, '[fe80::1%eth0]:443'),
  'a number of a zone': address(64, '[fe80::1%3]:443'),
  brackets: address(48, '[2001:db8:1:2::9]'),
  'half a bracket': address(48, '[2001:db8:1:2::9'),
  'a long name': address(64, 'é'.repeat(100)),
  'no name': address(64, ' '),
  'written v4': ip(64, 0, example),
  'written v4 as v6': ip(64, 1, example),
  'written v6': ip(64, 2, example, 80, 0, 1, 63),
  'written v6 beyond its prefix': ip(64, 2, example, 80, 0, 0, 64),
  'a prefix of nothing': ip(0, 2, example, 80, 0, 2, 0),
  'a prefix of more than all': ip(255, 2, example, 80, 0, 3, 127),
}

const log = (dialect, ...texts) => Buffer.concat([Buffer.from([dialect]), Buffer.from(texts.join('\0'))])
const texts = ['counter', 'c0', 'token', 'nobody', 'click', 'Enter']
const steering = ['a\nb', '\x1b[2J', '\u202eabc', '"\\"', '\u2028', '\r\t\x07']

seeds.logged = {
  extended: log(0, ...texts),
  classic: log(1, ...texts),
  'extended, steering': log(0, ...steering),
  'classic, steering': log(1, ...steering),
  'extended, long': log(0, ...texts.map((text) => text.repeat(30))),
  'classic, long': log(1, ...texts.map((text) => text.repeat(30))),
  'just so long': log(0, 'é'.repeat(64), 'x'.repeat(65)),
  'no message': log(0, ...texts, '["e",0'),
}

// Without values, which the search has to find.
seeds.elements = {
  ...Object.fromEntries(Object.entries(seeds.templates).map(([name, text]) => [name, text.split('|')[0]])),
  table: '<table><tr><td>$</td></tr></table><select><option>$</select>',
  math: '<math><annotation-xml encoding="$"><p>$</p></annotation-xml></math>|text/html',
  foreign: '<svg><foreignObject><p title="$">$</p></foreignObject><desc>$</desc></svg>',
}

for (const [target, list] of Object.entries(seeds)) {
  mkdirSync(join(corpus, target), { recursive: true })
  for (const [name, bytes] of Object.entries(list))
    writeFileSync(join(corpus, target, name.replaceAll(' ', '-')), bytes)
}
