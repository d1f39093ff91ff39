import type { Delivery } from '../delivery/delivery.ts';
import type { ChartRequest, LockedChart } from '../ports.ts';
import { type ChartReach, chartRequest } from './reach.ts';

/** The chart that a Delivery names beside its source, as it was found. */
export interface LocatedChart {
  readonly request: ChartRequest;
  readonly locked: LockedChart;
}

/**
 * Finds what the Delivery's own chart is now.
 * @returns undefined where it names none, or where the chart is the source itself
 * @throws LockstepError ChartNotFound, NotAllowed, or what the repository of charts answers
 */
export async function locateChart(
  { chart, isChartAlone }: Pick<Delivery, 'chart' | 'isChartAlone'>,
  reach: ChartReach,
): Promise<LocatedChart | undefined> {
  if (chart === undefined || isChartAlone) return undefined;
  const request = await chartRequest(reach, chart, chart);
  return { request, locked: await reach.charts.locate(request) };
}
