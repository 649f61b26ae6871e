import { each, html } from 'loom-live'
import { loom } from './loom.mjs'

export const todo = loom.register('todo', {
  props: {
    todos: [
      { id: 1, title: 'Read todo.mjs', done: true },
      { id: 2, title: 'Click this text and change it', done: false },
    ],
    nextId: 3,
    /** Whose title has the focus: a change of a title says what was typed, not where. */
    editing: 0,
  },
  handle: {
    add: (props, { form }) => {
      const title = titleOf(form?.title)
      if (title === '') return props
      const added = { id: props.nextId, title, done: false }
      return { ...props, todos: [...props.todos, added], nextId: props.nextId + 1 }
    },
    toggle: (props, { value, checked = false }) => ({
      ...props,
      todos: props.todos.map((item) => (item.id === Number(value) ? { ...item, done: checked } : item)),
    }),
    remove: (props, { value }) => ({
      ...props,
      todos: props.todos.filter((item) => item.id !== Number(value)),
    }),
    edit: (props, { value }) => ({ ...props, editing: Number(value) }),
    // A browser tells of a text field's change at Enter and when the field is left.
    rename: (props, { value }) => {
      const title = titleOf(value)
      const todos = props.todos.map((item) => (item.id === props.editing ? { ...item, title } : item))
      return { ...props, todos: todos.filter((item) => item.title !== '') }
    },
  },
  render: ({ todos }) => html`
    <form class="add" data-l-submit="add">
      <input name="title" placeholder="What is to be done?" aria-label="New to-do" autocomplete="off" maxlength="200">
      <button>Add</button>
    </form>
    <ul class="todos">
      ${each(
        todos,
        ({ id }) => id,
        ({ id, title, done }) => html`
          <li id="todo-${id}">
            <input type="checkbox" aria-label="Done" ?checked=${done} data-l-change="toggle" data-l-value="${id}">
            <span data-l-focus="edit" data-l-value="${id}">
              <input value="${title}" aria-label="Title" autocomplete="off" maxlength="200" data-l-change="rename">
            </span>
            <button data-l-click="remove" data-l-value="${id}" aria-label="Remove ${title}">×</button>
          </li>
        `,
      )}
    </ul>
    <p class="note" role="status">${todos.filter((item) => !item.done).length} of ${todos.length} left</p>
  `,
})

/** @param {unknown} value */
function titleOf(value) {
  return String(value ?? '').trim()
}
