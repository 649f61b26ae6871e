// A chart of Chart.js, which is fed by the server: the points are an attribute, and so in the page's state.

import { CategoryScale, Chart, LinearScale, LineController, LineElement, PointElement } from 'chart.js'
import { hook } from '/loom/client.js'

Chart.register(CategoryScale, LinearScale, LineController, LineElement, PointElement)

hook('chart', {
  mounted() {
    const canvas = document.createElement('canvas')
    this.el.append(canvas)
    const style = getComputedStyle(this.el)
    const color = style.getPropertyValue('--accent')
    const ticks = { color: style.color }
    this.chart = new Chart(canvas, {
      type: 'line',
      data: { labels: [], datasets: [{ data: [], borderColor: color, borderWidth: 2, pointRadius: 0, tension: 0.3 }] },
      options: {
        animation: false,
        maintainAspectRatio: false,
        scales: { x: { display: false }, y: { min: 0, max: 100, ticks } },
      },
    })
    this.show = () => {
      const points = JSON.parse(this.el.dataset.points)
      this.chart.data.labels = points.map((_, at) => at)
      this.chart.data.datasets[0].data = points
      this.chart.update()
      this.el.dataset.shown = points.at(-1)
    }
    this.show()
  },
  updated() {
    this.show()
  },
  disconnected() {
    this.el.classList.add('away')
  },
  reconnected() {
    this.el.classList.remove('away')
  },
  destroyed() {
    this.chart.destroy()
  },
})
