import type { Plugin } from 'vite'

/** The settings that every page with these components needs. */
export function medunionUI(): Plugin
