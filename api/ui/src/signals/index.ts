/** Recordings and values over time: reading them from FHIR, plotting them, saying them in words. */
export * from './read.ts'
export { describePoints, describeSignal, formatElapsed, outside, signalName, type Band, type Point } from './words.ts'
export * from './decimate.ts'
export * from './EcgStrip.tsx'
export { LinePlot, type LinePlotProps, type LineSeries } from './LinePlot.tsx'
export { pxPerMm, setPxPerMm, usePxPerMm } from './ruler.ts'
export { SignalPlot, type SignalPlotProps } from './SignalPlot.tsx'
export { Sparkline, type SparklineProps } from './Sparkline.tsx'
