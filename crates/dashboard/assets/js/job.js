export function jobPage(m){return {stop(){}}}
