// A thousand made-up instruments: 25 places, each with 40 goods.

const places = [
  'Alpine', 'Baltic', 'Caspian', 'Danube', 'Eastern', 'Fjord', 'Gulf', 'Harbour', 'Island', 'Jura',
  'Karst', 'Lagoon', 'Meadow', 'Northern', 'Oasis', 'Pacific', 'Quay', 'River', 'Southern', 'Tundra',
  'Upland', 'Valley', 'Western', 'Yukon', 'Zephyr',
]
const goods = [
  'Almonds', 'Amber', 'Barley', 'Basalt', 'Cedar', 'Cobalt', 'Copper', 'Cotton', 'Dates', 'Flax',
  'Ginger', 'Gold', 'Granite', 'Hemp', 'Honey', 'Indigo', 'Iron', 'Jade', 'Juniper', 'Linen',
  'Lithium', 'Maize', 'Marble', 'Nickel', 'Oak', 'Oats', 'Olives', 'Pepper', 'Quartz', 'Rice',
  'Rye', 'Saffron', 'Salt', 'Silver', 'Tea', 'Tin', 'Vanilla', 'Walnut', 'Wool', 'Zinc',
]

/** Prices are whole cents: they stay exact, and short on their way. */
export const instruments = places.flatMap((place, row) =>
  goods.map((good, column) => {
    const id = row * goods.length + column
    return { id, name: `${place} ${good}`, open: 1_000 + ((id * 7_919) % 24_000) }
  }),
)
