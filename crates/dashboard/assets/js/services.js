export function servicesPage(m){return {stop(){}}}
