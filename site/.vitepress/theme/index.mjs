import { useRoute } from 'vitepress'
import theme from 'vitepress/theme'
import { onMounted, watch } from 'vue'
import './style.css'

export default {
  extends: theme,
  setup() {
    // The theme's first page has no <main>, and so no place that a screen reader could jump to.
    const name = () =>
      document.querySelectorAll('#VPContent:not(:has(main))').forEach((content) => content.setAttribute('role', 'main'))
    const route = useRoute()
    onMounted(name)
    watch(
      () => route.path,
      () => {
        document.querySelector('#VPContent')?.removeAttribute('role')
        name()
      },
      { flush: 'post' },
    )
  },
}
