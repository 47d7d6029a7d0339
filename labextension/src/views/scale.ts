import React from 'react';
import { Curve } from '../records';

/** From values to parts of a picture's width and height. */
export interface IScale {
  x: (value: number) => number;
  y: (value: number) => number;
  from: number;
  to: number;
  ticks: number[];
}

/** Return the scale that curves fit in, undefined where no value can be drawn. */
export function useScale(curves: Curve[]): IScale | undefined {
  return React.useMemo(() => scale(curves), curves);
}

function scale(curves: Curve[]): IScale | undefined {
  const points = curves.flatMap(curve => curve.points.filter(point => Number.isFinite(point[1])));
  if (points.length === 0) {
    return undefined;
  }
  const [from, to] = range(points.map(point => point[0]));
  const ticks = even(...range(points.map(point => point[1])));
  const low = ticks[0];
  const high = ticks[ticks.length - 1];
  return {
    x: value => (to === from ? 0.5 : (value - from) / (to - from)),
    y: value => (high === low ? 0.5 : (value - low) / (high - low)),
    from,
    to,
    ticks
  };
}

// Not Math.min(...values): a curve may have more values than a call can have arguments.
function range(values: number[]): [number, number] {
  return values.reduce<[number, number]>(([low, high], v) => [Math.min(low, v), Math.max(high, v)], [Infinity, -Infinity]);
}

/** Return three or four round numbers around a range. */
function even(low: number, high: number): number[] {
  if (low === high) {
    const margin = Math.abs(low) / 10 || 1;
    return [low - margin, low, low + margin];
  }
  const raw = (high - low) / 3;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map(one => one * power).find(one => one >= raw)!;
  const first = Math.floor(low / step);
  const count = Math.ceil(high / step - first) + 1;
  return Array.from({ length: count }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}
