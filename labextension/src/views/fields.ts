import type React from 'react';

/** What was typed, by the name of its field. */
export type Texts = Readonly<Record<string, string>>;
/** What a form gives: what is not said is left out, and a dot in a name leads into an object. */
export type Values = Record<string, unknown>;

/** One field of a form, as data. */
export interface IField {
  name: string;
  label: string;
  /** As in a parameters cell (int, float, bool, str, Literal[...]), or flag, date, list, json, range. */
  type: string;
  /** What it has at first. */
  value?: string;
  /** What holds where nothing is said: a text that is equal to it is left out. */
  unsaid?: string;
  /** What is seen while it is empty. */
  placeholder?: string;
  /** What it means, in the words of the server. */
  help?: string;
  /** A word beside the label, with what it means. */
  tag?: readonly [string, string];
  /** The only values there are: a value, or a value and its name. */
  choices?: readonly (string | readonly [string, string])[];
  /** Some values there are. */
  suggestions?: readonly string[];
  required?: boolean;
  /** Whether it is as wide as the form. */
  wide?: boolean;
}

/** Fields that belong together. */
export interface IPart {
  title: string;
  fields: readonly IField[];
  folded?: boolean;
  /** What is seen below them; it may hinder the form from being sent. */
  below?: (texts: Texts, hinder: (hindered: boolean) => void) => React.ReactElement | null;
}

/** What a form asks for, which may depend on what has been typed. */
export type Asked = (texts: Texts) => readonly IPart[];
