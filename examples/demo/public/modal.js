// A dialog that the server opens is made a modal one: the page behind it rests, and Escape closes it. Only a script can
// do that. Who had the focus before has it again when the dialog is closed: the browser sees to that.

function openModally() {
  for (const dialog of document.querySelectorAll('dialog[open]:not(:modal)')) {
    dialog.removeAttribute('open')
    dialog.showModal()
  }
}

new MutationObserver(openModally).observe(document, { subtree: true, childList: true, attributeFilter: ['open'] })
openModally()
