/**
 * Diagnoses that are made most often in general practice, cardiology and emergency
 * care, our own choice: among the codes that fit a search they come first.
 */
export const frequent: ReadonlySet<string> = new Set([
  'I10', 'I20.9', 'I21.9', 'I25.10', 'I48.91', 'I50.9', 'I63.9', 'I49.9', 'I83.90', 'I95.9',
  'E11.9', 'E10.9', 'E03.9', 'E78.5', 'E66.9', 'E55.9', 'E86.0', 'R73.03', 'D50.9', 'D64.9',
  'J06.9', 'J02.9', 'J20.9', 'J18.9', 'J44.9', 'J45.909', 'J30.9', 'J11.1', 'J01.90', 'U07.1',
  'K21.9', 'K29.70', 'K52.9', 'K59.00', 'K58.9', 'A09', 'N39.0', 'N18.9', 'N20.0', 'N40.1',
  'M54.50', 'M54.2', 'M25.50', 'M17.10', 'M79.10', 'M81.0', 'M10.9', 'M06.9', 'L30.9', 'L50.9',
  'F32.A', 'F41.9', 'F41.1', 'F03.90', 'F17.210', 'G43.909', 'G47.00', 'G47.33', 'G40.909', 'G45.9',
  'H10.9', 'H66.90', 'H61.20', 'R07.9', 'R10.9', 'R51.9', 'R50.9', 'R42', 'R55', 'R53.83', 'Z00.00', 'Z23', 'B34.9', 'S93.409A',
])
