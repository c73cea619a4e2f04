// FlowFuse Dashboard takes a widget from the global of its node's type. The component comes from the hub, compiled from
// flows/pages, the same files as the desk.
const { LinliView } = await import(`${location.origin}/desk/in-dashboard/widget/main.ts`)

window['ui-linli-view'] = { LinliView }
