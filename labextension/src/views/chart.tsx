import React from 'react';
import { Curve } from '../records';
import { figure } from './pieces';
import { useScale } from './scale';
import { useSurroundings } from './context';

const WIDTH = 300;
const HEIGHT = 130;
const LEFT = 46;
const RIGHT = 12;
const TOP = 8;
const BOTTOM = 22;
// Told apart by their dashes as well as by their colours.
const DASHES = ['', '6 3', '2 3', '9 3 2 3', '12 4', '4 2 1 2 1 2'];

export interface ILine {
  curve: Curve;
  label: string;
  place: number;
}

/** The picture of a metric, as lines with the values in words for who cannot see them. */
export function Chart({ name, lines }: { name: string; lines: ILine[] }): React.ReactElement | null {
  const { trans } = useSurroundings();
  const scale = useScale(lines.map(line => line.curve));
  const title = React.useId();
  if (scale === undefined) {
    return null;
  }
  const x = (value: number) => LEFT + scale.x(value) * (WIDTH - LEFT - RIGHT);
  const y = (value: number) => HEIGHT - BOTTOM - scale.y(value) * (HEIGHT - TOP - BOTTOM);
  const last = lines[0].curve.points.at(-1)?.[1];
  const words = lines.map(line => {
    const values = line.curve.points.map(point => point[1]);
    return trans.__('%1 from %2 to %3 in %4 values', line.label || name, figure(values[0]), figure(values.at(-1)), line.curve.count);
  });
  return (
    <figure className="mlops-Chart">
      <figcaption id={title}>
        <b>{name}</b>
        {lines.length === 1 && <span className="mlops-figure"> {figure(last)}</span>}
      </figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-labelledby={title} aria-description={words.join('; ')}>
        {scale.ticks.map(tick => (
          <g key={tick}>
            <line className="mlops-Chart-grid" x1={LEFT} x2={WIDTH - RIGHT} y1={y(tick)} y2={y(tick)} />
            <text className="mlops-Chart-text" x={LEFT - 6} y={y(tick)} textAnchor="end" dominantBaseline="middle">
              {figure(tick)}
            </text>
          </g>
        ))}
        <line className="mlops-Chart-axis" x1={LEFT} x2={WIDTH - RIGHT} y1={HEIGHT - BOTTOM} y2={HEIGHT - BOTTOM} />
        <text className="mlops-Chart-text" x={LEFT} y={HEIGHT - 6}>
          {figure(scale.from)}
        </text>
        <text className="mlops-Chart-text" x={WIDTH - RIGHT} y={HEIGHT - 6} textAnchor="end">
          {`${lines[0].curve.axis} ${figure(scale.to)}`}
        </text>
        {lines.map(line => (
          <path
            key={line.place}
            className="mlops-Chart-line"
            data-place={line.place % 6}
            strokeDasharray={DASHES[line.place % 6]}
            d={path(line.curve, x, y)}
          />
        ))}
        {lines.map(line => dot(line, x, y))}
      </svg>
    </figure>
  );
}

/** A short piece of a line, for a legend. */
export function Sample({ place }: { place: number }): React.ReactElement {
  return (
    <svg className="mlops-Sample" width="34" height="8" aria-hidden="true">
      <path className="mlops-Chart-line" data-place={place % 6} strokeDasharray={DASHES[place % 6]} d="M1 4H33" />
    </svg>
  );
}

type Scaled = (value: number) => number;

function path(curve: Curve, x: Scaled, y: Scaled): string {
  let drawing = false;
  return curve.points
    .map(([at, value]) => {
      if (!Number.isFinite(value) || value === null) {
        drawing = false;
        return '';
      }
      const step = `${drawing ? 'L' : 'M'}${x(at).toFixed(1)} ${y(value).toFixed(1)}`;
      drawing = true;
      return step;
    })
    .join('');
}

function dot(line: ILine, x: Scaled, y: Scaled): React.ReactElement | null {
  const last = line.curve.points.filter(point => Number.isFinite(point[1])).at(-1);
  return last === undefined ? null : (
    <circle key={`dot ${line.place}`} className="mlops-Chart-dot" data-place={line.place % 6} r="2.5" cx={x(last[0])} cy={y(last[1])} />
  );
}
