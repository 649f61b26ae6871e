import type { Everybody, Person, PresenceChange } from '../index'

/**
 * The people who are there after a message of a topic's presence. A person who has not changed is the same object as
 * before.
 */
export function peopleAfter<Meta>(
  people: readonly Person<Meta>[],
  data: Everybody<Meta> | PresenceChange<Meta>,
): readonly Person<Meta>[] {
  if (data.joined === undefined) return data.present ?? []
  const { joined, changed, left } = data
  const gone = new Set([...left, ...joined].map(({ key }) => key))
  const others = new Map(changed.map((person) => [person.key, person]))
  const stay = people.filter(({ key }) => !gone.has(key))
  return [...stay.map((person) => others.get(person.key) ?? person), ...joined]
}
